/** One run of the study in a process of its own: `node test/bench/study-run.ts SETUP_JSON` prints the outcome as JSON. */
import { strongBeta, type StudySetup } from './study-design.ts';
import { outcomeOf } from './study-records.ts';
import { trainReal } from './training.ts';

/** The demo's config with what the setup says; one thread, and nothing written that is not read. */
function overridesOf(setup: StudySetup): string[] {
  const { trustRegion } = setup;
  const moving = trustRegion === 'moving' || trustRegion === 'strong';
  return [
    `seed=${setup.seed}`,
    'policy.threads=1',
    `sampling.steps=${setup.steps}`,
    `exploration.kernel=${setup.kernel}`,
    `exploration.eta=${setup.eta}`,
    `rollout.prompts_per_iteration=${setup.prompts}`,
    `rollout.generations=${setup.generations}`,
    `training.iterations=${setup.iterations}`,
    `equalizer.mode=${setup.equalizer}`,
    `trust_region.anchor.mode=${moving ? 'moving' : trustRegion}`,
    `trust_region.stepwise.estimator=${moving ? 'k3' : 'none'}`,
    ...(trustRegion === 'strong'
      ? ['trust_region.beta.controller=constant', `trust_region.beta.weight=${strongBeta}`]
      : []),
    'evaluation.every=0',
    'checkpoints.every=0',
    'videos.every=0',
  ];
}

const started = performance.now();
const { events } = await trainReal(overridesOf(JSON.parse(process.argv[2]) as StudySetup));
process.stdout.write(`${JSON.stringify(outcomeOf(events, (performance.now() - started) / 1000))}\n`);
