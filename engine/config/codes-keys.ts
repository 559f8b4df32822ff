import type { CodeGroup } from './codes.ts';

/** Codes of single keys and of prompts. */
export const keyCodes: CodeGroup[] = [
  {
    title: 'Keys and values',
    codes: {
      'unknown-key': {
        severity: 'error',
        meaning:
          'The block has no such key: it is misspelt, belongs elsewhere, or is what another trainer calls it. It is refused, because a key that is silently ignored is worse.',
        example: 'exploration: { kernal: cps }\n',
        remedy: 'Rename the key or move it where it belongs, as is offered, or remove it.',
      },
      'unknown-component': {
        severity: 'error',
        meaning:
          'The reward has no component of that name. The components are VQ (visual quality), MQ (motion quality) and TA (text alignment), clipscore and pickscore. Names of your own are those of a function that `reward.python` names.',
        example: 'reward: { weights: { HPS: 1 } }\n',
        remedy: 'Weigh one of the components there are, or remove the line.',
      },
      'missing-key': {
        severity: 'error',
        meaning: 'A block cannot do without this key: a window has two ends, a prompt source a file.',
        example: 'exploration: { window: { first: 0 } }\n',
        remedy: 'Add the key, or remove the block.',
      },
      'wrong-type': {
        severity: 'error',
        meaning:
          'The value is of another kind than the key takes: text for a number, a fraction for a count, a list for a block, nothing at all.',
        example: 'sampling: { steps: "12" }\n',
        remedy: 'Write a value of the right kind; quotes make any value a text.',
      },
      'invalid-choice': {
        severity: 'error',
        meaning: 'The key takes one of a few words, and this is none of them.',
        example: 'exploration: { kernel: flow_grop }\n',
        remedy: 'Write one of the words that are listed. What is switched off is `none`.',
      },
      'invalid-value': {
        severity: 'error',
        meaning:
          'A text that is empty, or that cannot be used as it is: a name becomes a folder, so it may only have letters, digits, `.`, `_` and `-`.',
        example: 'name: my run/1\n',
        remedy: 'Write at most 64 such characters, beginning with a letter or digit.',
      },
      'out-of-range': {
        severity: 'error',
        meaning:
          'A number outside of what the key accepts, in general or with the chosen kernel: cps takes an η of at most 1.',
        example: 'training: { beta1: 1 }\n',
        remedy: 'Write the nearest valid value, the default, or another value in the range.',
      },
    },
  },
  {
    title: 'Prompts',
    codes: {
      'no-prompts': {
        severity: 'error',
        meaning: 'There is nothing to train on: an empty list or file, or a model without prompts of its own.',
        example: 'prompts: []\n',
        remedy: 'Write a list of prompts, or `prompts: {file: prompts.txt}`; for shapes also `all`.',
      },
      'too-few-prompts': {
        severity: 'error',
        meaning: 'An iteration draws `rollout.prompts_per_iteration` different prompts, and there are not as many.',
        example: 'prompts: [a red circle moving left, a red circle moving up]\n',
        remedy: 'Add prompts, or draw fewer.',
      },
      'empty-prompt': {
        severity: 'error',
        meaning: 'A prompt has no text.',
        example:
          'prompts: [a red circle moving left, ""]\nrollout: { prompts_per_iteration: 2 }\ntraining: { micro_batch: 16 }\n',
        remedy: 'Write a prompt, or remove it.',
      },
      'shapes-prompt': {
        severity: 'error',
        meaning: 'The Shapes model knows 72 prompts, "a COLOR SHAPE moving DIRECTION", and this is none of them.',
        example: 'prompts: [a red cat]\nrollout: { prompts_per_iteration: 1 }\ntraining: { micro_batch: 8 }\n',
        remedy:
          'Use red, green, blue, yellow, magenta, cyan; circle, square, triangle; left, right, up, down. Or write `prompts: all`.',
      },
      'duplicate-prompt': {
        severity: 'warning',
        meaning: 'A prompt is given more than once, so it is drawn more often than the others.',
        example:
          'prompts: [a red circle moving left, a red circle moving left]\nrollout: { prompts_per_iteration: 2 }\ntraining: { micro_batch: 16 }\n',
        remedy: 'Remove the copies, unless it should count for more.',
      },
      'prompt-file-kind': {
        severity: 'error',
        meaning: 'Prompts are read from .txt, .csv and .jsonl files only.',
        example: 'prompts: { file: prompts.md }\n',
        remedy: 'Give a .txt (one prompt a line), a .csv or a .jsonl.',
      },
      'missing-column': {
        severity: 'error',
        meaning: 'The .csv has no column of the name that `column` gives, which is `prompt` by default.',
        example: 'prompts: { file: prompts.csv }\n',
        files: { 'prompts.csv': { text: 'id,text\n1,a red circle moving left\n' } },
        remedy: 'Name the column that holds the prompts: `column: text`.',
      },
      'bad-csv': {
        severity: 'error',
        meaning: 'The .csv breaks its own rules: a line with another number of fields, quotes that do not match.',
        example: 'prompts: { file: prompts.csv }\n',
        files: { 'prompts.csv': { text: 'prompt\na cat, on a mat\n' } },
        remedy: 'Put a prompt that has commas, quotes or line breaks in quotes, and double the quotes inside it.',
      },
      'bad-jsonl': {
        severity: 'error',
        meaning: 'A line of the .jsonl is not JSON, or has no prompt in the field that `column` names.',
        example: 'prompts: { file: prompts.jsonl }\n',
        files: { 'prompts.jsonl': { text: '{"text": "a red circle moving left"}\n' } },
        remedy: 'Write `{"prompt": "…"}` or a quoted string on each line, or name the field: `column: text`.',
      },
    },
  },
];
