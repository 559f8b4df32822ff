import type { CodeGroup } from './codes.ts';

const deepBase = (i: number) => ({ text: i === 9 ? 'seed: 1\n' : `extends: base-${i + 1}.sage.yaml\n` });

/** Codes of what cannot be read. */
export const readingCodes: CodeGroup[] = [
  {
    title: 'The text of a config',
    codes: {
      empty: {
        severity: 'error',
        meaning: 'The file has no keys: nothing, or only comments.',
        example: '# nothing yet\n',
        remedy:
          'Write at least `policy: {model: shapes}`, or `extends: shapes`, or start from a preset: `sage-grpo init shapes`.',
      },
      'not-a-block': {
        severity: 'error',
        meaning: 'The file is YAML, but a list or plain text instead of keys with values.',
        example: '- seed: 1\n',
        remedy: 'Begin with keys such as `policy:` and `sampling:`, without a dash before them.',
      },
      yaml: {
        severity: 'error',
        meaning:
          'The text is not valid YAML, so none of it can be used. The first few places are shown; one slip often breaks all that follows it.',
        example: 'exploration: *base\n',
        remedy:
          'Look for a quote or bracket that is not closed, a missing colon or line break, uneven indentation, or special characters (`{ } [ ] , : # & *`) outside of quotes.',
      },
      tab: {
        severity: 'error',
        meaning: 'A line is indented with a tab, which YAML does not allow.',
        example: 'rollout:\n\tgenerations: 4\n',
        remedy: 'Indent with spaces.',
      },
      'duplicate-key': {
        severity: 'error',
        meaning: 'A key stands twice in the same block. Many YAML readers silently take the last one.',
        example: 'seed: 1\nseed: 2\n',
        remedy: 'Keep one of the two.',
      },
      'too-deep': {
        severity: 'error',
        meaning: 'Blocks or lists are nested far deeper than any key of a config, or an alias contains itself.',
        example: 'prompts: &a [*a]\n',
        remedy: 'A config is at most four levels deep.',
      },
      'too-large': {
        severity: 'error',
        meaning:
          'A config of more than 1 MiB or 50,000 words and marks, one whose aliases expand to more than 15,000 values, or a prompt file of more than 64 MiB.',
        example: [
          'a: &a [x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x]',
          'b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a, *a]',
          'c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b, *b]',
          'd: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n',
        ].join('\n'),
        remedy:
          'Keep long lists of prompts in a file: `prompts: {file: prompts.txt}`. Use fewer or smaller aliases (`*name`).',
      },
      override: {
        severity: 'error',
        meaning: 'A `--set` flag cannot be read.',
        example: 'seed: 1\n',
        flags: ['exploration.eta'],
        remedy:
          "Write `--set key=value`, such as `--set exploration.eta=0.3` or `--set 'exploration.window={first: 0, last: 4}'`.",
      },
    },
  },
  {
    title: 'Files',
    codes: {
      'missing-file': {
        severity: 'error',
        meaning:
          'A file that the config names does not exist: prompts, weights, or the config itself. Paths start from the folder of the config. A warning where the name may also be that of a Hugging Face repository.',
        example: 'prompts: { file: no-such-prompts.txt }\n',
        remedy: 'Check the path; a file with a similar name in the same folder is offered.',
      },
      'not-a-file': {
        severity: 'error',
        meaning: 'The path is that of a folder or a device, where a text file is needed.',
        example: 'prompts: { file: prompts.txt }\n',
        files: { 'prompts.txt': { folder: true, shown: 'a folder' } },
        remedy: 'Give the path of a text file.',
      },
      'unreadable-file': {
        severity: 'error',
        meaning:
          'The file exists, but the system does not let it be read: its permissions, a broken disk, a link that leads to itself.',
        example: 'prompts: { file: prompts.txt }\n',
        files: { 'prompts.txt': { link: 'prompts.txt', shown: 'a link to itself' } },
        remedy: 'Give yourself permission to read it, and check the path.',
      },
      'not-text': {
        severity: 'error',
        meaning: 'The file is not text in UTF-8: a binary file, or text in an old encoding such as Latin-1.',
        example: 'prompts: { file: prompts.txt }\n',
        files: { 'prompts.txt': { bytes: '636166e9', shown: '`café` in Latin-1' } },
        remedy:
          'Save the file as UTF-8, or name another. In a prompt, write control characters as escapes in double quotes.',
      },
      'not-utf8': {
        severity: 'error',
        meaning: 'The file is text in UTF-16, as some editors on Windows save it.',
        example: 'prompts: { file: prompts.txt }\n',
        files: { 'prompts.txt': { bytes: 'fffe61002000', shown: 'text in UTF-16' } },
        remedy: 'Save the file as UTF-8.',
      },
    },
  },
  {
    title: 'What a config extends',
    codes: {
      'unknown-preset': {
        severity: 'error',
        meaning: '`extends` has a name that is not that of a preset. A path has a slash or the ending `.yaml`.',
        example: 'extends: shaeps\n',
        remedy:
          'Write the name of a preset (`sage-grpo init` lists them), or the path of a config: `extends: ./base.sage.yaml`.',
      },
      'extends-cycle': {
        severity: 'error',
        meaning: 'A config extends itself, by itself or through others.',
        example: 'extends: example.sage.yaml\n',
        remedy: 'Remove the `extends` of one of them.',
      },
      'extends-depth': {
        severity: 'error',
        meaning: 'More than eight configs extend one another in a row, which nobody can follow.',
        example: 'extends: base-1.sage.yaml # which extends base-2.sage.yaml, and so on to base-9.sage.yaml\n',
        files: Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`base-${i + 1}.sage.yaml`, deepBase(i + 1)])),
        remedy: 'Extend one that is nearer to the values.',
      },
      'broken-base': {
        severity: 'error',
        meaning: 'The config that is extended cannot be read, so its values are not known. Its line is named.',
        example: 'extends: base.sage.yaml\n',
        files: { 'base.sage.yaml': { text: 'seed: 1\nseed: 2\n' } },
        remedy: 'Put it right there: open it and look at its own diagnostics.',
      },
    },
  },
];
