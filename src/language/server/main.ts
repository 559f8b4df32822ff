/** The language server as a program: over node IPC for VS Code, or `--stdio` for other editors. */
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { serve } from './server.ts';

serve(createConnection(ProposedFeatures.all));
