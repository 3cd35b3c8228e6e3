#!/usr/bin/env node
import { runCli } from './cli/program.ts';
import { cliHost } from './cli-host.ts';

process.exitCode = await runCli(process.argv.slice(2), cliHost());
