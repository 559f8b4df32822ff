import boundaries from 'eslint-plugin-boundaries';
import tseslint from 'typescript-eslint';

/** The parts of the house, most special first. */
const parts = {
  base: 'engine/{errors.ts,error-code.ts,advice.ts,package-root.ts,python.ts,spelling.ts,python/**}',
  protocol: 'engine/{protocol.ts,protocol/**}',
  method: 'engine/method/**',
  config: 'engine/config/**',
  shapes: 'engine/shapes/**',
  files: 'engine/run/{safetensors,disk,lock,regular}.ts',
  run: 'engine/run/**',
  media: 'engine/media/**',
  torch: 'engine/policy/torch/**',
  policy: 'engine/policy/**',
  reward: 'engine/reward/**',
  report: 'engine/report/**',
  server: 'engine/server/**',
  training: 'engine/{training/**,trainer.ts}',
  program: 'engine/{cli/**,cli.ts,demo.ts}',
  health: 'engine/health/**',
  view: 'engine/view/**',
  language: 'src/language/server/**',
  extension: 'src/**',
  contract: 'webview/contract/**',
  webview: 'webview/**',
  test: 'test/**',
};

/** Who may import whom, besides itself. Dependencies point one way: webview → webview/contract, engine/protocol ← src. */
const allowed = {
  base: [],
  protocol: ['config', 'run', 'base'],
  method: [],
  config: ['base', 'method', 'shapes'],
  shapes: ['base', 'files', 'policy'],
  files: ['base'],
  run: ['base', 'files'],
  media: ['base', 'files', 'policy'],
  policy: ['base', 'method', 'files', 'shapes'],
  torch: ['base', 'method', 'files', 'policy', 'reward', 'media'],
  reward: ['base', 'policy', 'shapes'],
  health: ['base', 'protocol', 'run'],
  view: ['base', 'protocol', 'run', 'health'],
  report: ['base', 'files', 'media', 'run', 'protocol', 'health'],
  server: ['base', 'protocol', 'config', 'run', 'files', 'report', 'view'],
  training: ['base', 'config', 'method', 'media', 'policy', 'torch', 'reward', 'run', 'files'],
  program: ['base', 'protocol', 'config', 'health', 'method', 'policy', 'report', 'run', 'files', 'server', 'training'],
  language: ['base', 'config', 'method', 'shapes', 'run', 'files'],
  extension: ['protocol', 'contract'],
  contract: ['protocol'],
  webview: ['protocol', 'contract'],
  test: Object.keys(parts).filter((part) => part !== 'test'),
};

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.tools/', '.venv/', 'runs/', 'test-output/', 'engine/report/assets/'] },
  ...tseslint.configs.recommended,
  {
    plugins: { boundaries },
    settings: {
      'import/resolver': { node: { extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'] } },
      'boundaries/files': Object.entries(parts).map(([category, pattern]) => ({ category, pattern })),
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['{engine,src,webview,test}/**/*.{ts,tsx}'],
    rules: {
      'boundaries/dependencies': [
        'error',
        {
          default: 'disallow',
          policies: Object.entries(allowed).map(([from, others]) => ({
            from: { file: { categories: { anyOf: [from] } } },
            allow: { to: { file: { categories: { anyOf: [from, ...others] } } } },
          })),
        },
      ],
    },
  },
  {
    files: ['engine/**/*.ts', 'src/language/server/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { paths: [{ name: 'vscode', message: 'This runs without an editor.' }] }],
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
  {
    files: [
      'test/**',
      '**/*.mjs',
      'engine/**/make/**',
      'engine/shapes/write-dataset.ts',
      'engine/config/write-reference.ts',
    ],
    rules: { 'no-console': 'off' },
  },
);
