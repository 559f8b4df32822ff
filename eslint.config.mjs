import path from 'node:path';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import importX from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

const root = import.meta.dirname;
const zone = (target, from, message, except) => ({
  target: path.join(root, target),
  from: path.join(root, from),
  ...(except ? { except } : {}),
  message,
});

/** Dependencies point one way: webview → engine/protocol (types) ← src, src → engine through the protocol only. */
const zones = [
  zone('engine/method', 'engine', 'engine/method is pure and imports nothing.', ['./method']),
  zone('engine/method', 'node_modules', 'engine/method is pure and imports nothing.'),
  zone('engine', 'src', 'The engine runs without an editor.'),
  zone('engine', 'webview', 'The engine runs without an editor.'),
  zone('src', 'engine', 'The extension speaks to the engine through engine/protocol.ts only.', ['./protocol.ts']),
  zone('src', 'webview', 'The extension and its webviews share engine/protocol.ts only.'),
  zone('webview', 'engine', 'Webviews import types of engine/protocol.ts only.', ['./protocol.ts']),
  zone('webview', 'src', 'The extension and its webviews share engine/protocol.ts only.'),
  zone('engine/shapes', 'engine/trainer', 'A model world knows nothing of training.'),
  zone('engine/policy', 'engine/trainer', 'Hardware lies below the algorithm.'),
  zone('engine/policy', 'engine/run', 'A policy knows no run folder.', ['./safetensors.ts']),
  zone('engine/config', 'engine/run', 'A config is read before a run exists.'),
  zone('engine/run', 'engine/policy', 'The run folder knows no hardware.'),
  zone('engine/run', 'engine/trainer', 'The run folder knows no algorithm.'),
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.tools/', '.venv/', 'runs/', 'test-output/', 'engine/report/client/'] },
  ...tseslint.configs.recommended,
  {
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      'import-x/no-restricted-paths': ['error', { basePath: root, zones }],
      'import-x/no-cycle': 'error',
      'import-x/no-unresolved': ['error', { ignore: ['^onnxruntime-node$', '^h264-mp4-encoder$'] }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['engine/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'vscode', message: 'The engine runs without an editor.' }] },
      ],
    },
  },
  {
    files: ['engine/method/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^[^.]', message: 'engine/method is pure and imports nothing.' }] },
      ],
    },
  },
  { files: ['test/**', '**/*.mjs'], rules: { 'no-console': 'off' } },
);
