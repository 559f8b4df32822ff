import type { Estimate } from './estimate.ts';
import type { MemoryStage } from './memory.ts';
import type { MemoryPart } from './names.ts';
import { bytesWords, countWords, flopsWords, secondsWords } from './words.ts';

/** What every showing of an estimate says first. */
export const notMeasured = 'An estimate, not a measurement.';

const partNames: Record<MemoryPart, string> = {
  program: 'program, graphs and threads',
  weights: 'weights',
  adapters: 'adapters, trained and anchor',
  masters: 'float32 masters of the adapter',
  gradients: 'gradients',
  optimizer: 'optimizer',
  anchor: 'anchor and pre-trained model',
  autoencoder: 'autoencoder',
  reward: 'reward model',
  rollouts: 'latents of the rollouts',
  overhead: 'CUDA and its libraries',
  activations: 'activations',
  decoding: 'decoding a video',
  scoring: 'scoring a video',
  videos: 'writing videos',
};

/** A part of memory in words. */
export function partName(part: MemoryPart): string {
  return partNames[part];
}

const stageNames: Record<MemoryStage, string> = {
  rollout: 'rollout',
  decode: 'decode',
  score: 'score',
  update: 'update',
};

interface Section {
  title: string;
  /** Name and value, and what is to be said of it. */
  rows: [name: string, value: string, note: string][];
}

function memorySection({ memory, device, model }: Estimate): Section {
  const onCpu = model === 'shapes';
  const { parts, stage, total, fits } = memory;
  const rows = parts.map(({ part, bytes, stage: when }): Section['rows'][number] => {
    const note =
      when === null ? '' : when === stage ? `in ${stageNames[when]}` : `in ${stageNames[when]}, not at the peak`;
    return [partName(part), bytesWords(bytes), note];
  });
  const verdict =
    fits === null ? '' : `${fits ? 'fits' : 'does not fit'} into the ${bytesWords(device.memory!)} of ${device.title}`;
  rows.push(['peak', bytesWords(total), verdict]);
  return { title: onCpu ? 'Memory of the process' : 'Peak memory of each GPU', rows };
}

function sizeSection({ tokens, parameters, flops, work }: Estimate): Section {
  const { channels, frames, rows: down, columns } = tokens.latent;
  const size = [channels, frames, down, columns].join('×');
  const rows: Section['rows'] = [
    ['tokens of a video', tokens.video.toLocaleString('en-US'), `latent ${size}`],
    ['parameters', countWords(parameters.policy), `${countWords(parameters.trained)} trained`],
    ['rollouts an iteration', String(work.rollouts), `${work.rolloutsPerRank} on each of ${work.ranks}`],
    ['updates an iteration', String(work.updates), `${work.trained} of ${work.explored} explored steps a sample`],
    ['one evaluation of the network', flopsWords(flops.forward), 'a sample'],
    ['one replay', flopsWords(flops.replay), 'a sample at a step, with anchor and pre-trained model'],
    ['an iteration', flopsWords(flops.iteration), ''],
  ];
  if (work.ranks === 1) rows[2][2] = '';
  return { title: 'Work', rows };
}

function timeSection({ seconds, work }: Estimate): Section {
  const share = (part: number) => `${Math.round((100 * part) / seconds.iteration)} %`;
  const stages = (['rollout', 'decode', 'score', 'update'] as const).map((stage): Section['rows'][number] => [
    stage,
    secondsWords(seconds[stage]),
    share(seconds[stage]),
  ]);
  return {
    title: 'Time',
    rows: [
      ...stages,
      ['an iteration', secondsWords(seconds.iteration), ''],
      ['an evaluation', secondsWords(seconds.evaluation), `${work.evaluationVideos} videos, ${work.evaluations} times`],
      ['the run', secondsWords(seconds.run), ''],
    ],
  };
}

function diskSection({ disk }: Estimate): Section {
  const { checkpoints, checkpointBytes, videos, videoBytes, total } = disk;
  return {
    title: 'Disk',
    rows: [
      ['checkpoints', bytesWords(checkpoints * checkpointBytes), `${checkpoints} of ${bytesWords(checkpointBytes)}`],
      ['videos', bytesWords(videoBytes), `${videos.toLocaleString('en-US')}, with posters`],
      ['at most', bytesWords(total), 'while one checkpoint more is written'],
    ],
  };
}

const sections = (estimate: Estimate) =>
  [memorySection, timeSection, sizeSection, diskSection].map((of) => of(estimate));

function subject({ title, device }: Estimate): string {
  const count = device.name === 'cpu' ? `, ${device.count} thread${device.count === 1 ? '' : 's'}` : '';
  return `${title} on ${device.count > 1 && device.name !== 'cpu' ? `${device.count} × ` : ''}${device.title}${count}`;
}

/** For a terminal. */
export function estimateText(estimate: Estimate): string {
  const all = sections(estimate);
  const widths = [0, 1].map((at) => Math.max(...all.flatMap(({ rows }) => rows.map((row) => row[at].length))));
  const blocks = all.map(({ title, rows }) => [
    title,
    ...rows.map(([name, value, note]) =>
      `  ${name.padEnd(widths[0])}  ${value.padStart(widths[1])}  ${note}`.trimEnd(),
    ),
  ]);
  const assumed = ['Assumed', ...estimate.assumptions.map((sentence) => `  - ${sentence}`)];
  return [[`${subject(estimate)}. ${notMeasured}`], ...blocks, assumed].map((lines) => lines.join('\n')).join('\n\n');
}

/** As a page of Markdown. @param name of the config, escaped by this */
export function estimateMarkdown(estimate: Estimate, name = ''): string {
  const heading = name === '' ? 'Estimate' : `Estimate of ${escapeMarkdown(name)}`;
  const pages = sections(estimate).map(({ title, rows }) =>
    [
      `## ${title}`,
      [
        '| | | |',
        '| --- | ---: | --- |',
        ...rows.map(([name, value, note]) => `| ${[name, whole(value), note].map(bold(name)).join(' | ')} |`),
      ].join('\n'),
    ].join('\n\n'),
  );
  const assumed = `## Assumed\n\n${estimate.assumptions.map((sentence) => `- ${sentence}`).join('\n')}`;
  return `${[`# ${heading}`, `**${notMeasured}** ${subject(estimate)}.`, ...pages, assumed].join('\n\n')}\n`;
}

/** A number stays in one line with its unit, however narrow its column. */
const whole = (value: string) => value.replaceAll(' ', '\u00a0');

const results = ['peak', 'an iteration', 'the run', 'at most'];
const bold = (name: string) => (cell: string, at: number) =>
  results.includes(name) && at < 2 && cell !== '' ? `**${cell}**` : cell;

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+.!|<>~&-]/g, (sign) => `\\${sign}`);
}
