import { codeGroups, type CodeInfo, type ExampleFile } from './codes.ts';

const opening = `# Diagnostics of a config

<!-- Written by \`npm run docs\` from engine/config/codes.ts. Edit the codes, not this page. -->

What \`sage-grpo validate\` and the editor say of a config, by code. An error keeps the config from being run; a warning does
not. The message itself names the value and the numbers; where the remedy can be written, the editor offers to do it.
`;

/** The page of every code: what it means, an example that gets it, and what to do. */
export function codesMarkdown(): string {
  return [
    opening,
    ...codeGroups.map(({ title, codes }) => [`## ${title}\n`, ...Object.entries(codes).map(section)].join('\n')),
  ].join('\n');
}

function section([name, { severity, meaning, example, files = {}, flags = [], remedy }]: [string, CodeInfo]): string {
  const shown = Object.entries(files).slice(0, 1).map(beside);
  const set = flags.map((flag) => `with \`--set ${flag}\``);
  const said = [...shown, ...set];
  return [
    `### config/${name}\n`,
    `${severity === 'error' ? 'Error' : 'Warning'}. ${meaning}\n`,
    block('yaml', example),
    ...(said.length > 0 ? [`${said.join('\n')}\n`] : []),
    `**Remedy.** ${remedy}\n`,
  ].join('\n');
}

function beside([name, file]: [string, ExampleFile]): string {
  if ('shown' in file) return `where \`${name}\` is ${file.shown}.`;
  return `where \`${name}\` is\n\n${block('', file.text)}`.trimEnd();
}

function block(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\`\`\`\n`;
}
