// Stored secrets as a part of the admin API.

import { Module } from "@nestjs/common";
import { SecretResolver } from "./secret.resolver.ts";

@Module({ providers: [SecretResolver] })
export class SecretsModule {}
