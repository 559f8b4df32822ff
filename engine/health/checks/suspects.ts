import { medianOf } from '../statistics.ts';
import { meanOver, type Trail } from '../trail.ts';
import { figure, percent } from '../wording.ts';
import { clipShare } from './clip-fraction.ts';
import { deadGroupsOf, deadShare } from './dead-groups.ts';
import { imbalanceLimit, medianImbalance } from './gradient-imbalance.ts';
import { ratioTolerance } from './first-replay-ratio.ts';

/** What may keep the reward from rising, and what to do about it. */
export interface Suspect {
  text: string;
  key: string;
}

/** Iterations that are looked at. */
const window = 20;
/** Velocity deviation from the pre-trained model below which nothing was learned, and above which much is lost. */
const moved = { hardly: 1e-5, far: 0.3 };

/** What the newest iterations point to, the likeliest first; empty when they point to nothing. */
export function suspectsOf(trail: Trail): Suspect[] {
  return [ratio, dead, still, far, clipping, imbalance, trustRegion].flatMap((look) => look(trail) ?? []);
}

function median(trail: Trail, value: (event: Trail['recent'][number]) => number | null): number | null {
  return medianOf(
    trail.recent
      .slice(-window)
      .map(value)
      .filter((one) => one !== null),
  );
}

function ratio(trail: Trail): Suspect | null {
  const deviation = median(trail, (event) => event.firstReplayRatioDeviation);
  if (deviation === null || deviation <= ratioTolerance) return null;
  return {
    text: `The replay does not reproduce the rollout (|ratio − 1| ${figure(deviation)} before any update): make that right first.`,
    key: 'policy.precision',
  };
}

function dead(trail: Trail): Suspect | null {
  const { dead, groups } = deadGroupsOf(trail);
  if (groups === 0 || dead / groups <= deadShare.warning) return null;
  return {
    text: `${percent(dead / groups)} of the groups have no difference in reward: raise exploration.eta or rollout.generations, or change the prompts.`,
    key: 'exploration.eta',
  };
}

/** Weights that stand still: a rate of zero, updates left out, or a policy that is where it began. */
function still(trail: Trail): Suspect | null {
  const update = median(trail, (event) => event.updateNorm);
  const rate = median(trail, (event) => event.learningRate);
  const drift = median(trail, (event) => meanOver(event, 'driftReference'));
  const asked = trail.settings.learningRate;
  if (rate !== null && (rate === 0 || (asked !== null && rate < 0.02 * asked)))
    return {
      text: `The learning rate has gone down to ${figure(rate)}: set training.learning_rate_schedule to constant.`,
      key: 'training.learning_rate_schedule',
    };
  if (update === 0)
    return {
      text: 'No update moves the weights (update norm 0): look for updates left out, and for training.accumulation larger than the micro-batches of an iteration.',
      key: 'training.accumulation',
    };
  if (drift === null || drift >= moved.hardly) return null;
  return {
    text: `The weights hardly move: velocities deviate by ${figure(drift)} from the pre-trained model${update === null ? '' : `, update norm ${figure(update)}`}. Set training.learning_rate${asked ? ` from ${figure(asked)} to ${figure(3 * asked, 2)} or ${figure(10 * asked, 2)}` : ' 3 to 10 times higher'}.`,
    key: 'training.learning_rate',
  };
}

function far(trail: Trail): Suspect | null {
  const drift = median(trail, (event) => meanOver(event, 'driftReference'));
  const asked = trail.settings.learningRate;
  if (drift === null || drift <= moved.far) return null;
  return {
    text: `Velocities deviate by ${percent(drift)} from the pre-trained model, which is far: set training.learning_rate${asked ? ` from ${figure(asked)} to ${figure(asked / 3, 2)}` : ' to a third'}.`,
    key: 'training.learning_rate',
  };
}

function clipping(trail: Trail): Suspect | null {
  const share = median(trail, (event) => meanOver(event, 'clipFraction'));
  if (share === null || share <= clipShare.all) return null;
  return {
    text: `${percent(share)} of the samples are clipped: lower training.learning_rate or raise training.accumulation.`,
    key: 'training.learning_rate',
  };
}

function imbalance(trail: Trail): Suspect | null {
  const after = medianImbalance(trail, 'gradientNorm');
  if (!after || after.ratio < imbalanceLimit) return null;
  const { equalizer } = trail.settings;
  return {
    text: `Few steps carry the gradient (${figure(after.ratio, 2)} times the norm of the weakest): set equalizer.mode to ${equalizer === 'analytic' ? 'measured' : 'analytic'}.`,
    key: 'equalizer.mode',
  };
}

/** A trust region whose share of the loss is as large as that of the reward. */
function trustRegion(trail: Trail): Suspect | null {
  const pull = median(trail, (event) => {
    const kl = meanOver(event, 'klAnchor');
    return kl === null ? null : event.beta * kl;
  });
  const advantage = median(trail, (event) => event.advantageAbsMean);
  if (pull === null || advantage === null || pull < 0.1 * advantage || pull === 0) return null;
  return {
    text: `The trust region holds the policy back (β·KL ${figure(pull)} beside a mean |advantage| of ${figure(advantage)}): lower trust_region.beta.weight.`,
    key: 'trust_region.beta.weight',
  };
}
