import { estimateConfig, type Estimate } from '../../../engine/config/estimate/estimate.ts';
import { partName } from '../../../engine/config/estimate/text.ts';
import { bytesWords, secondsWords } from '../../../engine/config/estimate/words.ts';
import type { Config } from '../../../engine/config/schema.ts';
import { count, countOf } from './figures.ts';

/** A figure of an estimate, and how it comes about. */
export interface Estimated {
  value: number;
  /** As a person says it. */
  words: string;
  /** Markdown: the arithmetic and what it assumes. */
  how: string;
}

/** What a config is estimated to need, as far as hints and hovers show it. */
export interface Estimates {
  /** Tokens of one video in the model's transformer. */
  tokens: Estimated;
  /** Parameters that are trained. */
  trained: Estimated;
  /** Seconds of the whole run. */
  seconds: Estimated;
  /** Peak bytes of one GPU, or of the trainer's process where the model runs on the CPU. */
  memory: Estimated;
}

/** What a config is estimated to need. @param prompts of the evaluation, where they are known */
export function estimateOf(config: Config, prompts: number | null): Estimates {
  return inWords(config, estimateConfig(config, { evaluationPrompts: prompts ?? undefined }));
}

/** The estimate of a config in words. */
export function inWords(config: Config, { tokens, parameters, memory, seconds, ...estimate }: Estimate): Estimates {
  const { frames, rows, columns } = tokens.latent;
  const assumes = ['*An estimate, not a measurement.*', '', ...estimate.assumptions.map((each) => `- ${each}`)].join(
    '\n',
  );
  const text = tokens.text === 0 ? '' : `, and ${count(tokens.text)} of the prompt`;
  const share = Math.round((100 * parameters.trained) / parameters.policy);
  const iterations = `${countOf(config.training.iterations, 'iteration')} × ${secondsWords(seconds.iteration)}`;
  const evaluations = `${countOf(estimate.work.evaluations, 'evaluation')} × ${secondsWords(seconds.evaluation)}`;
  const peak = memory.parts.filter(({ stage }) => stage === null || stage === memory.stage);
  const parts = peak.map(({ part, bytes }) => `| ${partName(part)} | ${bytesWords(bytes)} |`);
  const device =
    estimate.device.memory === null ? '' : ` of ${bytesWords(estimate.device.memory)} of an ${estimate.device.title}`;
  return {
    tokens: {
      value: tokens.video,
      words: count(tokens.video),
      how: `A latent of ${frames}×${rows}×${columns} makes ${countOf(tokens.video, 'token')} a video${text}.`,
    },
    trained: {
      value: parameters.trained,
      words: count(parameters.trained),
      how: `${share} % of the model's ${count(parameters.policy)}`,
    },
    seconds: {
      value: seconds.run,
      words: secondsWords(seconds.run),
      how: `${iterations} and ${evaluations} on ${estimate.device.title}.\n\n${assumes}`,
    },
    memory: {
      value: memory.total,
      words: bytesWords(memory.total),
      how: [
        `${bytesWords(memory.total)}${device} at the peak, in ${memory.stage}:`,
        ['| part | bytes |', '| --- | --- |', ...parts].join('\n'),
        assumes,
      ].join('\n\n'),
    },
  };
}
