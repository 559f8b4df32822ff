/**
 * Text that says the same in a notification. There, `[label](command:…)` would be a link that runs a command of the editor when
 * it is clicked; a space of no width between the brackets makes it text.
 */
export function withoutLinks(text: string): string {
  return text.replaceAll('](', ']\u200b(');
}
