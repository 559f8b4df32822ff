import { writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';

/** Writes a page of the documentation as the formatter of the project wants it. */
export async function writePage(file: string, markdown: string): Promise<void> {
  await writeFile(file, await format(markdown, { ...(await resolveConfig(file)), filepath: file }));
}
