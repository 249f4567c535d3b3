// Users as a part of the admin API.

import { Module } from "@nestjs/common";
import { UserResolver } from "./user.resolver.ts";

@Module({ providers: [UserResolver] })
export class UsersModule {}
