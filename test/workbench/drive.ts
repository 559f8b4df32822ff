/** What a person does in the workbench, and where they look. */
import type { Frame, Locator, Page } from 'playwright-core';

const patience = 60_000;

const input = (page: Page): Locator => page.locator('.quick-input-widget');

/** Runs a command from the palette, by the beginning of its title: `SAGE: Launch Training`. */
export async function runCommand(page: Page, title: string): Promise<void> {
  // The palette lists what is registered when it opens, and extensions come a little after the workbench.
  await eventually(`the palette offers ${title}`, async () => {
    await page.keyboard.press('F1');
    const box = input(page).locator('input.input').first();
    await box.waitFor({ timeout: patience });
    await box.fill(`>${title}`);
    const row = input(page).locator('.monaco-list-row').filter({ hasText: title }).first();
    try {
      await row.click({ timeout: 5000 });
      return true;
    } catch {
      await page.keyboard.press('Escape');
      return false;
    }
  });
}

/** Whether the palette offers a command. */
export async function offersCommand(page: Page, title: string): Promise<boolean> {
  await page.keyboard.press('F1');
  const box = input(page).locator('input.input').first();
  await box.waitFor({ timeout: patience });
  await box.pressSequentially(title);
  const row = input(page).locator('.monaco-list-row').first();
  await row.waitFor({ timeout: patience });
  const labels = await input(page).locator('.monaco-list-row .label-name').allTextContents();
  await page.keyboard.press('Escape');
  await input(page).waitFor({ state: 'hidden', timeout: patience });
  return labels.some((label) => label.trim() === title);
}

/** Picks what begins with `label` in the list that is open, by typing it. */
export async function choose(page: Page, label: string): Promise<void> {
  const box = input(page).locator('input.input').first();
  await box.waitFor({ timeout: patience });
  await box.pressSequentially(label);
  const row = input(page).locator('.monaco-list-row').filter({ hasText: label }).first();
  await row.waitFor({ timeout: patience });
  await row.click();
}

/** Confirms the box that is open, once it proposes what ends with `proposal`. */
export async function accept(page: Page, proposal: string): Promise<void> {
  const box = input(page).locator('input.input').first();
  await eventually(`the box proposes ${proposal}`, async () => (await box.inputValue()).endsWith(proposal));
  await box.press('Enter');
}

/** The list or box that is open, with its title. */
export function quickInput(page: Page): Locator {
  return input(page);
}

/** Clicks a button of the dialog that is in the way of everything else. */
export async function press(page: Page, button: string): Promise<void> {
  const dialog = page.locator('.monaco-dialog-box');
  await dialog.waitFor({ timeout: patience });
  await dialog.getByRole('button', { name: button, exact: true }).click();
  await dialog.waitFor({ state: 'hidden', timeout: patience });
}

/** The notification whose text holds `text`; in the list behind the bell where it went there already. */
export async function notification(page: Page, text: string | RegExp, seconds = 120): Promise<Locator> {
  const [toast, listed] = ['.notifications-toasts', '.notifications-center'].map((place) =>
    page.locator(`${place} .notification-list-item`).filter({ hasText: text }).first(),
  );
  const center = page.locator('.notifications-center');
  return eventually(
    `a notification says ${text}`,
    async () => {
      if (await toast!.isVisible()) return toast!;
      // Toasts go away by themselves, and a busy machine may be late.
      if (!(await center.isVisible())) await page.locator('[id="status.notifications"]').click({ timeout: 5000 });
      await page.waitForTimeout(500);
      if (await listed!.isVisible()) return listed!;
      await page.locator('[id="status.notifications"]').click({ timeout: 5000 });
      return null;
    },
    seconds,
  );
}

/** Clicks a button of a notification. */
export async function pressInNotification(page: Page, text: string | RegExp, button: string): Promise<void> {
  const found = await notification(page, text);
  await found.getByRole('button', { name: button, exact: true }).click();
}

/** Shows a container of the activity bar. */
export async function openContainer(page: Page, title: string): Promise<void> {
  const tab = page.locator('.part.activitybar').getByRole('tab', { name: title });
  await tab.waitFor({ timeout: patience });
  if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click();
}

/** Rows of the tree in the side bar, as a screen reader says them. */
export function treeRows(page: Page, text?: string | RegExp): Locator {
  const rows = page.locator('.part.sidebar .pane-body .monaco-list-row');
  return text === undefined ? rows : rows.filter({ hasText: text });
}

/** The entry of the status bar that holds `text`. */
export function statusBar(page: Page, text: string | RegExp): Locator {
  return page.locator('.statusbar-item').filter({ hasText: text }).first();
}

/** Replaces text in the editor in front, everywhere, by find and replace, and saves. */
export async function replaceInEditor(page: Page, from: string, to: string): Promise<void> {
  await runCommand(page, 'Replace');
  const widget = page.locator('.find-widget.visible');
  await widget.locator('.find-part textarea').waitFor({ timeout: patience });
  await widget.locator('.find-part textarea').fill(from);
  await widget.locator('.replace-part textarea').fill(to);
  await widget.locator('.replace-part textarea').press('ControlOrMeta+Alt+Enter');
  await page.keyboard.press('Escape');
  await page.keyboard.press('ControlOrMeta+S');
}

/** Ticks all that the list offers and confirms. */
export async function chooseAll(page: Page): Promise<void> {
  const all = input(page).getByRole('checkbox').first();
  await all.waitFor({ timeout: patience });
  await all.click();
  await input(page).getByRole('button', { name: 'OK' }).click();
}

/** Opens a file of the workspace by its name, as with Ctrl+P. */
export async function openFile(page: Page, name: string): Promise<void> {
  await page.keyboard.press('ControlOrMeta+P');
  await choose(page, name);
}

/**
 * Unfolds a step of the walkthrough that has just been opened, by its title.
 * @returns the button in it that is called `action`
 */
export async function openStep(page: Page, title: string, action: string): Promise<Locator> {
  const steps = page.locator('.gettingStartedContainer .getting-started-step');
  // A step takes the focus a moment after it was unfolded, and would take it from a list that is open by then.
  const settled = (step: Locator) =>
    eventually('a step of the walkthrough is unfolded and has the focus', () =>
      step.evaluate((element) => element.contains(element.ownerDocument.activeElement)),
    );
  await settled(steps.and(page.locator('.expanded')).first());
  const step = steps.filter({ hasText: title }).first();
  if (!(await step.getAttribute('class'))?.includes('expanded')) await step.click();
  await settled(step.and(page.locator('.expanded')));
  return step.locator('.monaco-button').filter({ hasText: action }).first();
}

/** The tab of an editor. */
export function editorTab(page: Page, title: string | RegExp): Locator {
  return page.locator('.tabs-container .tab').filter({ hasText: title }).first();
}

/** The document inside the webview that is in front: VS Code keeps it in a frame within a frame. */
export async function webview(page: Page): Promise<Frame> {
  const outer = page.locator('iframe.webview.ready:visible').first();
  await outer.waitFor({ timeout: patience });
  return eventually('the webview has its content', async () => {
    const frame = await (await outer.elementHandle())?.contentFrame();
    for (const child of frame?.childFrames() ?? []) {
      // While it loads, the frame is called pending-frame.
      const id = await (await child.frameElement()).getAttribute('id');
      if (id === 'active-frame') return child;
    }
    return null;
  });
}

/** Waits until `look` gives something else than null, undefined or false, and returns it. `what` is for the error. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  seconds = 60,
): Promise<T> {
  const until = Date.now() + seconds * 1000;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== null && seen !== undefined && seen !== false) return seen;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) throw new Error(`not within ${seconds} s: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
