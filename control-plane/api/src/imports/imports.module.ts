// Importing lists of other programs as a part of the admin API.

import { Module } from "@nestjs/common";
import { ImportResolver } from "./import.resolver.ts";

@Module({ providers: [ImportResolver] })
export class ImportsModule {}
