import { describe, expect, it } from 'vitest';
import { formatDiagnostic, validateText } from '../../../engine/config/load.ts';

/** What a user reads for a text: `line:column: severity: message`, and the remedy and code under it. */
function read(text: string): string[] {
  return validateText(text, { checkFiles: false }).flatMap((d) => formatDiagnostic(d, '').slice(1).split('\n    '));
}

/** Each mistake and the two lines that a user gets for it. */
const mistakes: Record<string, [text: string, message: string, remedy: string]> = {
  'a misspelt key': [
    'exploration:\n  kernal: cps',
    '2:3: error: There is no key "kernal" in exploration.',
    'Did you mean `kernel`? [config/unknown-key]',
  ],
  'a key of another trainer': [
    'rollout: {num_generations: 8}',
    '1:11: error: There is no key "num_generations" in rollout.',
    'Did you mean `generations`? [config/unknown-key]',
  ],
  'a key in the wrong block': [
    'policy:\n  learning_rate: 1e-4',
    '2:3: error: There is no key "learning_rate" in policy.',
    'Did you mean `training.learning_rate`? It belongs there. [config/unknown-key]',
  ],
  'a dotted key': [
    'exploration.eta: 0.3',
    '1:1: error: There is no key "exploration.eta" in a config.',
    'Write it as a key of its block: `eta: …`, indented below `exploration:`. [config/unknown-key]',
  ],
  'text in place of a number': [
    'exploration: {eta: strong}',
    '1:20: error: exploration.eta is the text "strong", but must be a number above 0 and at most 10.',
    'Write a number above 0 and at most 10, such as 0.5. [config/wrong-type]',
  ],
  'a number in quotes': [
    'sampling: {steps: "12"}',
    '1:19: error: sampling.steps is the text "12", but must be a whole number between 1 and 1000.',
    'Remove the quotes: `steps: 12`. [config/wrong-type]',
  ],
  'a fraction of a step': [
    'sampling: {steps: 10.5}',
    '1:19: error: sampling.steps is 10.5, but must be a whole number between 1 and 1000.',
    'Write 10 or 11. [config/wrong-type]',
  ],
  'not a number': [
    'sampling: {shift: .nan}',
    '1:19: error: sampling.shift is .nan, but must be a number between 0.001 and 100.',
    'Write a number between 0.001 and 100, such as 3. [config/wrong-type]',
  ],
  'yes in place of true': [
    'checkpoints: {keep_best: yes}',
    '1:26: error: checkpoints.keep_best is the text "yes", but must be true or false.',
    'Write `keep_best: true`. [config/wrong-type]',
  ],
  'a key without a value': [
    'seed:',
    '1:1: error: seed is empty, but must be a whole number between 0 and 4294967295.',
    'Write a whole number between 0 and 4294967295, or remove the line to use the default, 42. [config/wrong-type]',
  ],
  'a list in place of a block': [
    'equalizer: [analytic]',
    '1:12: error: equalizer is a list of 1, but must be a block of keys.',
    'Write its keys on indented lines below it: mode, decay, warmup. Or remove it to use their defaults. [config/wrong-type]',
  ],
  'a misspelt choice': [
    'exploration: {kernel: flow_grop}',
    '1:23: error: exploration.kernel is "flow_grop", but must be sage, flow_grpo, dance_grpo, cps or ode.',
    'Did you mean `flow_grpo`? [config/invalid-choice]',
  ],
  'off in place of none': [
    'trust_region: {anchor: {mode: off}}',
    '1:31: error: trust_region.anchor.mode is "off", but must be moving, fixed or none.',
    'Did you mean `none`? [config/invalid-choice]',
  ],
  'a value out of range': [
    'training: {beta1: 1}',
    '1:19: error: training.beta1 is 1, but must be a number of at least 0 and below 1.',
    'Write 0.9 (the default) or another value in the range. [config/out-of-range]',
  ],
  'no noise': [
    'exploration: {eta: 0}',
    '1:20: error: exploration.eta is 0, but must be a number above 0 and at most 10: without noise the rollouts of a prompt are all the same.',
    'Write 0.5 (the default) or another value in the range. [config/out-of-range]',
  ],
  'a group of one': [
    'rollout: {generations: 1}',
    '1:24: error: rollout.generations is 1, but must be a whole number between 2 and 4096: an advantage is a comparison within the group.',
    '2 is the nearest valid value. The default is 8. [config/out-of-range]',
  ],
  'a group of two': [
    'rollout: {generations: 2, prompts_per_iteration: 16}',
    '1:24: warning: In a group of 2 every advantage is +1 or −1, however small the difference.',
    'Sample 4 generations or more; 8 is usual. [config/small-group]',
  ],
  'a name that is not a folder name': [
    'name: my run/1',
    '1:7: error: name is "my run/1", but may only have letters, digits, ".", "_" and "-", and must begin with a letter or digit.',
    'Write at most 64 such characters, such as `name: my-run-1`. [config/invalid-value]',
  ],
  'too many steps for the shift': [
    'sampling: {steps: 68, shift: 5}',
    '1:19: error: sampling.steps is 68, but with shift 5 and sigma_max 0.997 the first step would end so close to sigma_max, or above it, that its precise variance is not positive; the largest valid number of steps is 67.',
    'Write `steps: 67`, the nearest valid value. Or set exploration.clamp_both_ends: true, which drops the noise of steps wholly above sigma_max. Or lower sampling.shift to 4.9, raise exploration.sigma_max to 0.998 or use another kernel. [config/steps-too-many]',
  ],
  'a window outside the schedule': [
    'exploration:\n  window: {first: 0, last: 10}',
    '2:28: error: exploration.window is {first: 0, last: 10}, but its ends must be whole step indices with 0 <= first <= last <= 9, the last step.',
    'Write `window: {first: 0, last: 9}`, the nearest valid value. [config/window-outside-schedule]',
  ],
  'half a window': [
    'exploration: {window: {first: 0}}',
    '1:15: error: exploration.window.last is missing.',
    'Add `last: 8`, a whole number of at least 0, or remove exploration.window. [config/missing-key]',
  ],
  'a window on the last step only': [
    'exploration: {window: {first: 9, last: 9}}',
    '1:31: error: The window covers only the last step, which last_step: ode leaves without noise, so no step is explored and nothing can be trained.',
    'Begin the window earlier: `first: 8` or less. [config/nothing-to-train]',
  ],
  'the kernel without noise': [
    'exploration: {kernel: ode}',
    '1:23: error: The kernel ode draws no noise, so no step is explored and nothing can be trained.',
    'Write `kernel: sage`, or another kernel with noise. [config/nothing-to-train]',
  ],
  'an angle beyond the range of cps': [
    'exploration: {kernel: cps, eta: 1.5}',
    '1:33: error: exploration.eta is 1.5, but it must be a finite number from 1e-9 to 1.',
    'Write `eta: 1`, the nearest valid value. [config/out-of-range]',
  ],
  'more trained steps than explored ones': [
    'training: {steps_per_sample: 10}',
    '1:30: error: training.steps_per_sample is 10, but only 9 of the 10 steps are explored.',
    'Write at most 9, or null for all of them. [config/steps-per-sample]',
  ],
  'a micro-batch that does not divide': [
    'training: {micro_batch: 12}',
    '1:25: error: 4 prompts × 8 generations are 32 samples, which training.micro_batch, 12, does not divide.',
    'Set training.micro_batch to 8 or 16 (valid: 1, 2, 4, 8, 16, 32), or rollout.prompts_per_iteration to 3 or 6, or rollout.generations to 6 or 9. [config/micro-batch]',
  ],
  'an accumulation that does not divide': [
    'training: {micro_batch: 16, accumulation: 4}',
    '1:43: error: An iteration has 2 micro-batches × 9 trained steps = 18 backward passes, which training.accumulation, 4, does not divide.',
    'Set training.accumulation to 3 or 6 (valid: 1, 2, 3, 6, 9, 18). [config/accumulation]',
  ],
  'a reward that is always zero': [
    'reward:\n  weights: {VQ: 0, MQ: 0, TA: 0}',
    '2:12: error: Every weight of the reward is 0, so all videos are worth the same and nothing can be learnt.',
    'Give at least one component a weight, such as `TA: 1`. [config/zero-reward]',
  ],
  'a component that the reward lacks': [
    'reward: {weights: {HPS: 1}}',
    '1:20: error: The reward has no component "HPS".',
    'Its components are VQ, MQ, TA, clipscore, pickscore. Write one of them, or remove the line. [config/unknown-component]',
  ],
  'another size of Shapes videos': [
    'sampling: {frames: 16}',
    '1:20: error: sampling.frames is 16, but shapes makes videos of 8 frames only.',
    'Write 8. [config/video-size]',
  ],
  'training without the guidance of sampling': [
    'sampling: {guidance: 3, train_guidance: false}',
    '1:41: warning: Rollouts are sampled with guidance 3, but training replays them without it, so another policy is trained than the one that sampled.',
    'Write `train_guidance: true`, or sample with `guidance: 1`. [config/guidance]',
  ],
  'a key that onnx ignores': [
    'policy: {precision: bf16}',
    '1:21: warning: policy.precision is only read by the torch backend; onnx ignores it.',
    'Remove the line. [config/torch-only]',
  ],
  'a checkpoint interval beyond the run': [
    'training: {iterations: 10}\ncheckpoints: {every: 20}',
    '2:22: warning: checkpoints.every is 20, but the run has only 10 iterations: the only checkpoints are those at the start, at the end and at the best evaluation.',
    'Write 10 or less. [config/interval-beyond-run]',
  ],
  'a smallest β above the largest': [
    'trust_region: {beta: {minimum: 1e-3}}',
    '1:32: error: trust_region.beta.minimum is 0.001, above trust_region.beta.weight, 0.00001, which is the largest value of β.',
    'Write `minimum: 0.00001` or less, or `weight: 0.001` or more. [config/beta-range]',
  ],
  'a learning rate far too high': [
    'training: {learning_rate: 0.05}',
    '1:27: warning: A learning rate of 0.05 is far above what is customary for the Shapes model: the policy tends to fall apart.',
    'Write a value between 0.000001 and 0.003; 0.0001 is usual. [config/learning-rate]',
  ],
  'a weight without an anchor': [
    'trust_region: {anchor: {mode: none, weight: 2}}',
    '1:45: warning: trust_region.anchor.weight has no effect, because trust_region.anchor.mode is none.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'a trust region of which nothing is left for β to scale': [
    'trust_region: {anchor: {mode: none}, stepwise: {estimator: none}, beta: {target: 0.1}}',
    '1:82: warning: trust_region.beta.target has no effect, because neither the anchor nor the stepwise KL has a weight for it to scale.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'an anchor without weight': [
    'trust_region: {anchor: {weight: 0}}',
    '1:33: warning: The anchor is kept but its weight is 0, so it holds nothing.',
    'Write `mode: none` to save its cost, or give it a weight. [config/no-effect]',
  ],
  'a β of zero with a trust region': [
    'trust_region: {beta: {weight: 0, initial: 0, minimum: 0}}',
    '1:31: warning: β is 0, which switches the whole trust region off.',
    'Write `anchor: {mode: none}` and `stepwise: {estimator: none}` to say so, and remove `beta`, or give β a weight. [config/no-effect]',
  ],
  'a controller without room': [
    'trust_region: {beta: {weight: 1e-7}}',
    '1:31: warning: The adaptive controller cannot move β, because its minimum and its weight, the largest value, are both 1e-7.',
    'Write `controller: constant`, or a smaller `minimum`. [config/no-effect]',
  ],
  'the least β of a constant one': [
    'trust_region: {beta: {controller: constant, minimum: 1e-8}}',
    '1:54: warning: trust_region.beta.minimum has no effect, because trust_region.beta.controller is constant.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'a window that ends at the last step': [
    'exploration: {window: {first: 5, last: 9}}',
    '1:40: warning: The window ends at step 9, the last one, which last_step: ode leaves without noise: 4 steps are explored, not 5.',
    'Write `last: 8` to say so, or `last_step: noise` to explore it as well. [config/window-last-step]',
  ],
  'noise at a last step that the window leaves out': [
    'exploration: {window: {first: 0, last: 4}, last_step: noise}',
    '1:55: warning: exploration.last_step has no effect, because exploration.window ends before the last step.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'noise at the last step of a kernel that has none there': [
    'exploration: {kernel: cps, last_step: noise}',
    '1:39: warning: exploration.last_step has no effect, because cps draws no noise at the last step.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'the limit of another kernel': [
    'exploration: {kernel: dance_grpo, sigma_max: 0.99}',
    '1:46: warning: exploration.sigma_max has no effect, because exploration.kernel is dance_grpo.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'training without a guidance that sampling has not either': [
    'sampling: {train_guidance: false}',
    '1:28: warning: sampling.train_guidance has no effect, because sampling.guidance is 1.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'how videos are written that are not': [
    'videos: {every: 0, quality: 20}',
    '1:29: warning: videos.quality has no effect, because videos.every is 0, which writes none.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'several GPUs for a video': [
    'policy: {backend: torch, devices: 2, sequence_parallel: 2}',
    '1:57: error: policy.sequence_parallel is 2, but this version computes each video on one GPU.',
    'Write 1, or remove the line. Where a video is too large for a GPU, sample fewer frames or a smaller size. [config/sequence-parallel]',
  ],
  'an adapter of the embedded model': [
    'policy: {backend: torch, adapter: {kind: lora}}',
    '1:42: error: shapes takes no adapter: it is small, and all of its weights are trained.',
    'Write `kind: none`, or remove the block. [config/adapter]',
  ],
  'no word of a reward model': [
    'reward: {model: hps}',
    '1:17: error: reward.model is "hps", but must be shapes-judge, videoalign, clipscore or pickscore, or a list of them.',
    'Write one of shapes-judge, videoalign, clipscore, pickscore. [config/invalid-choice]',
  ],
  'a misspelt word in a list': [
    'reward: {held_out: [clipscor]}',
    '1:21: error: reward.held_out.0 is "clipscor", but must be clipscore or pickscore.',
    'Did you mean `clipscore`? [config/invalid-choice]',
  ],
  'an empty list of reward models': [
    'reward: {model: []}',
    '1:17: error: reward.model is an empty list.',
    'Write shapes-judge, videoalign, clipscore or pickscore, or a list of them (or null), or remove the line. [config/invalid-value]',
  ],
  'a number for held-out metrics': [
    'reward: {held_out: 3}',
    '1:20: error: reward.held_out is 3, but must be clipscore or pickscore, or a list of them.',
    'Write clipscore or pickscore, or a list of them, or remove the line. [config/wrong-type]',
  ],
  'a Python reward without its function': [
    'policy: {backend: torch}\nreward: {python: my_rewards.py, weights: {smoothness: 1}}',
    '2:18: error: reward.python is "my_rewards.py", but must name a Python file and a function in it.',
    'Write `python: "my_rewards.py:score"`, with the names of yours. [config/invalid-value]',
  ],
  'a metric that onnx cannot compute': [
    'reward: {held_out: [clipscore]}',
    '1:20: error: clipscore is computed by the torch backend; onnx cannot.',
    'Write `backend: torch` under `policy`, which runs the model and its rewards in Python, or remove the line. [config/reward-backend]',
  ],
  'a metric that is trained on and held out': [
    'policy: {backend: torch}\nreward: {model: [shapes-judge, clipscore], held_out: clipscore}',
    '2:54: error: clipscore is held out and a reward model at once; a metric that is trained on cannot show that the reward is exploited.',
    'Take it out of reward.held_out or of reward.model. [config/held-out-reward]',
  ],
  'a weight that no model gives': [
    'reward: {weights: {pickscore: 2}}',
    '1:31: error: pickscore has a weight, but reward.model does not name it.',
    'Add pickscore to reward.model, or remove the line. [config/component-not-given]',
  ],
  'a name of its own without a function that gives it': [
    'reward: {weights: {smoothness: 2}}',
    '1:20: error: The reward has no component "smoothness".',
    'Its components are VQ, MQ, TA, clipscore, pickscore. Write one of them, or remove the line. [config/unknown-component]',
  ],
  'a weight of its own that is no number': [
    'policy: {backend: torch}\nreward: {python: "r.py:score", weights: {smoothness: high}}',
    '2:54: error: reward.weights.smoothness is the text "high", but must be a number between 0 and 1000.',
    'Write a number between 0 and 1000, such as 1. [config/wrong-type]',
  ],
  'no reward at all': [
    'reward: {model: null}',
    '1:17: error: Nothing scores the videos: reward.model is null and there is no reward.python.',
    'Write `model: shapes-judge`, or remove the line. [config/no-reward]',
  ],
  'a checkpoint of a model that is not used': [
    'policy: {backend: torch}\nreward: {checkpoints: {pickscore: me/mine}}',
    '2:35: warning: reward.checkpoints.pickscore has no effect, because neither reward.model nor reward.held_out names pickscore.',
    'Remove the line, or change the other. [config/no-effect]',
  ],
  'no prompts at all': [
    'prompts: []',
    '1:10: error: prompts is an empty list.',
    'Write a list of prompts, {file: prompts.txt} or all. [config/no-prompts]',
  ],
  'a prompt file without its block': [
    'prompts: my.txt',
    '1:10: error: prompts is "my.txt", but must be a list of prompts, {file: …} or all.',
    'To read them from the file, write `prompts: {file: my.txt}`. [config/wrong-type]',
  ],
  'fewer prompts than are drawn': [
    'prompts: [a red circle moving left, a red circle moving up]',
    '1:10: error: An iteration draws 4 different prompts, but there are only 2.',
    'Add prompts, or write `prompts_per_iteration: 2`. [config/too-few-prompts]',
  ],
  'an empty file': [
    '',
    '1:1: error: The config is empty.',
    'Write at least `policy: {model: shapes}`, or start from a preset: `extends: shapes`. [config/empty]',
  ],
  'only comments': [
    '# nothing yet\n',
    '1:1: error: The config is empty.',
    'Write at least `policy: {model: shapes}`, or start from a preset: `extends: shapes`. [config/empty]',
  ],
  'a list as config': [
    '- seed: 1',
    '1:1: error: A config is a block of keys, this is a list.',
    'Begin with keys such as `policy:` and `sampling:`. [config/not-a-block]',
  ],
  'a key given twice': [
    'seed: 1\nseed: 2',
    '2:1: error: The key "seed" stands here a second time.',
    'Keep one of the two. [config/duplicate-key]',
  ],
  'a tab': [
    'rollout:\n\tgenerations: 4',
    '2:1: error: A tab indents this line.',
    'Indent with spaces; YAML does not allow tabs. [config/tab]',
  ],
  'two documents': [
    'seed: 1\n---\nseed: 2',
    '2:1: error: A second document begins here.',
    'A file holds one config: remove the `---` that starts a second. [config/yaml]',
  ],
  'an alias without its anchor': [
    'exploration: *base',
    '1:14: error: There is no anchor &base.',
    'Define the anchor before it is used. [config/yaml]',
  ],
  'a binary file': [
    'PK\u0003\u0004seed',
    '1:3: error: This is not a text file: it has the control character U+0003.',
    'Give a config in YAML, a *.sage.yaml file. In a prompt, write control characters as escapes in double quotes. [config/not-text]',
  ],
};

describe('a mistake is answered with its place, its reason and a remedy', () => {
  it.each(Object.entries(mistakes))('%s', (_, [text, message, remedy]) => {
    expect(read(text)).toEqual([message, remedy]);
  });
});

describe('all mistakes are told at once', () => {
  const text = [
    'sampling: {steps: 80, shift: 5}',
    'exploration: {kernal: sage, eta: -1, window: {first: 3, last: 99}}',
    'rollout: {generations: 7}',
    'training: {micro_batch: 12, learning_rate: "1e-4"}',
    'policy: {devices: 3, sequence_parallel: 2}',
    'reward: {weights: {VQ: 0, MQ: 0, TA: 0}}',
    'prompts: [a red circle moving left, a red cat]',
  ].join('\n');

  it('rules between keys are checked on the keys that are valid', () => {
    const found = validateText(text).map((d) => `${d.line} ${d.code.replace('config/', '')}`);
    expect(found).toEqual([
      '1 steps-too-many',
      '2 unknown-key',
      '2 out-of-range',
      '2 window-outside-schedule',
      '4 wrong-type',
      '5 torch-only',
      '5 sequence-parallel',
      '5 torch-only',
      '6 zero-reward',
      '7 too-few-prompts',
      '7 shapes-prompt',
    ]);
  });

  it('a misspelt key keeps its value for the rules, so it is not blamed on the default', () => {
    expect(read('rollout: {genrations: 6}\ntraining: {micro_batch: 24}')).toHaveLength(2);
    expect(validateText('rollout: {genrations: 1}').map((d) => d.code)).toEqual([
      'config/unknown-key',
      'config/out-of-range',
    ]);
  });

  it('the end of what is underlined is the end of the value', () => {
    const [diagnostic] = validateText('exploration:\n  kernel: sega # slip\n');
    expect(diagnostic).toMatchObject({ path: 'exploration.kernel', line: 2, column: 11, endLine: 2, endColumn: 15 });
  });

  it('lines count the same with CRLF and behind a byte order mark', () => {
    expect(read('\uFEFFsed: 1\r\nexploration:\r\n  eta: x\r\n').filter((_, i) => i % 2 === 0)).toEqual([
      '1:1: error: There is no key "sed" in a config.',
      '3:8: error: exploration.eta is the text "x", but must be a number above 0 and at most 10.',
    ]);
  });
});

describe('GPU runs', () => {
  const hunyuan = (more: string) =>
    `policy: {model: hunyuan-video-1.5, ${more}}\nprompts: [a cat, a dog, a bird, a fish]\n`;
  const codes = (text: string) => validateText(text, { checkFiles: false }).map((d) => d.code.replace('config/', ''));

  it('a config of a torch model is valid', () => {
    expect(codes(hunyuan('devices: 16'))).toEqual([]);
  });

  it('world size, ranks and micro-batches must divide', () => {
    expect(read(hunyuan('devices: 3'))).toEqual([
      '1:45: error: 4 prompts × 4 generations are 16 samples, which do not divide among 3 data-parallel ranks (3 devices).',
      'Set rollout.generations to 3 or 6, or rollout.prompts_per_iteration to 3 or 6, or policy.devices to 2 or 4. [config/data-parallel]',
    ]);
    expect(read(hunyuan('devices: 8') + 'training: {micro_batch: 4}')).toEqual([
      '3:25: error: 4 prompts × 4 generations are 16 samples, 2 on each of 8 data-parallel ranks, which training.micro_batch, 4, does not divide.',
      'Set training.micro_batch to 2 (valid: 1, 2), or rollout.prompts_per_iteration to 8, or rollout.generations to 8. [config/micro-batch]',
    ]);
  });

  it('onnx, the Shapes judge and sizes that the latents lack are refused', () => {
    expect(codes(hunyuan('backend: onnx'))).toEqual(['backend']);
    expect(codes(`${hunyuan('devices: 16')}reward: {model: shapes-judge}`)).toEqual(['reward-mismatch']);
    const sized = read(`${hunyuan('devices: 16')}sampling: {frames: 80, height: 360}`);
    expect(sized).toEqual([
      '3:20: error: sampling.frames is 80, but hunyuan-video-1.5 makes 4n + 1 frames.',
      'Write 77 or 81. [config/video-size]',
      '3:32: error: sampling.height is 360, but hunyuan-video-1.5 needs a multiple of 16.',
      'Write 352 or 368. [config/video-size]',
    ]);
  });

  it('the threads of the onnx policy are ignored', () => {
    expect(read(hunyuan('threads: 8, devices: 16'))).toEqual([
      '1:45: warning: policy.threads is only read by the onnx backend; torch ignores it.',
      'Remove the line. [config/onnx-only]',
    ]);
  });

  it('a torch model has no prompts of its own', () => {
    expect(codes('policy: {model: wan-2.1}')).toEqual(['no-prompts']);
  });
});

describe('hostile texts get one clean message', () => {
  const bomb = [
    'a: &a [x,x,x,x,x,x,x,x,x]',
    ...[...'bcdefghi'].map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join()}]`),
  ];
  it.each([
    ['an alias bomb', bomb.join('\n'), 'config/too-large'],
    ['an alias in itself', 'a: &a [*a]', 'config/too-deep'],
    ['deep nesting', `a: ${'['.repeat(4000)}`, 'config/too-deep'],
    ['a huge text', `prompts: [${'a red circle moving left, '.repeat(50_000)}]`, 'config/too-large'],
  ])('%s', (_, text, code) => {
    expect(validateText(text).map((d) => d.code)).toEqual([code]);
  });

  it('keys that JavaScript objects have by themselves are unknown keys', () => {
    const found = validateText('constructor: 1\nsampling: {toString: 1, hasOwnProperty: 2}\n__proto__: {seed: 3}');
    expect(found.map((d) => d.code)).toEqual(Array(4).fill('config/unknown-key'));
  });
});
