import { element } from './dom.js';
import { formatScore } from './scale.js';

/** Pairs on one page: browsers allow only some dozens of players at once. */
const pageSize = 12;

const orders = {
  even: { label: 'in order', compare: () => 0 },
  gain: { label: 'largest gain first', compare: (a, b) => gainOf(b) - gainOf(a) },
  loss: { label: 'largest loss first', compare: (a, b) => gainOf(a) - gainOf(b) },
};

/** The change of a pair's reward; without two rewards 0. */
export function gainOf(pair) {
  return pair.before.reward === null || pair.after.reward === null ? 0 : pair.after.reward - pair.before.reward;
}

/** Shows pairs of videos that play in step, with one set of controls. */
export function drawRollouts(host, pairs) {
  const grid = element('ol', { class: 'pairs' });
  const player = createPlayer(pairs.frames);
  let first = 0;
  let order = 'even';

  const select = element(
    'select',
    { id: 'order' },
    ...Object.entries(orders).map(([value, { label }]) => element('option', { value }, label)),
  );
  const earlier = element('button', { type: 'button' }, 'Previous');
  const later = element('button', { type: 'button' }, 'Next');
  const where = element('span', { class: 'where', role: 'status' });
  const many = pairs.shown.length > pageSize;
  const turn = element('div', { class: 'turn' }, earlier, where, later);
  const sort = element('label', { for: 'order' }, 'Pairs ', select);
  host.append(element('div', { class: 'controls' }, player.controls, sort), grid, many ? turn : '');

  function show() {
    const sorted = pairs.shown.map((pair, i) => ({ pair, i }));
    sorted.sort((a, b) => orders[order].compare(a.pair, b.pair) || a.i - b.i);
    const page = sorted.slice(first, first + pageSize).map(({ pair }) => pair);
    player.pauseAll();
    grid.replaceChildren(...page.map((pair) => card(pair, pairs)));
    player.take([...grid.querySelectorAll('video')]);
    where.textContent = `${first + 1}–${first + page.length} of ${pairs.shown.length}`;
    earlier.disabled = first === 0;
    later.disabled = first + pageSize >= pairs.shown.length;
  }
  const go = (position) => {
    first = position;
    show();
  };
  earlier.addEventListener('click', () => go(Math.max(0, first - pageSize)));
  later.addEventListener('click', () => go(first + pageSize));
  select.addEventListener('change', () => {
    order = select.value;
    go(0);
  });
  show();
}

function card(pair, { first, last }) {
  return element(
    'li',
    { class: 'pair' },
    element('p', { class: 'prompt' }, pair.prompt, element('small', {}, pair.seed)),
    element(
      'div',
      { class: 'sides' },
      side(pair.before, `iteration ${first}`, pair),
      side(pair.after, `iteration ${last}`, pair),
    ),
    element('p', { class: 'change' }, ...changeOf(pair)),
  );
}

function side({ src, poster, reward, components, raw = {}, heldOut = {}, notes = [], reason }, when, pair) {
  const parts = Object.entries(components ?? {}).map(([name, value]) => {
    const own = Object.hasOwn(raw, name) ? ` (raw\u00a0${formatScore(raw[name])})` : '';
    return `${name}\u00a0${formatScore(value)}${own}`;
  });
  const watched = Object.entries(heldOut).map(([name, value]) => `held out: ${name}\u00a0${formatScore(value)}`);
  const score = reward === null ? `no score${reason ? `: ${reason}` : ''}` : formatScore(reward);
  const caption = element(
    'p',
    { class: 'score' },
    element('span', {}, when),
    element('b', {}, score),
    element('small', {}, [...parts, ...watched, ...notes].join(' · ')),
  );
  return element(
    'div',
    { class: 'side' },
    src === null ? missing('The video file is missing.') : video(src, poster, `${pair.prompt}, ${when}`),
    caption,
  );
}

function video(src, poster, label) {
  const node = element('video', {
    muted: true,
    loop: true,
    playsinline: true,
    preload: 'auto',
    disablepictureinpicture: true,
    poster,
    'aria-label': label,
  });
  node.muted = true;
  node.addEventListener('error', () => node.replaceWith(missing('This browser cannot play H.264 video.')));
  node.src = src;
  return node;
}

function missing(why) {
  return element('div', { class: 'missing' }, why);
}

function changeOf(pair) {
  if (pair.before.reward === null || pair.after.reward === null) return ['reward not comparable'];
  const gain = gainOf(pair);
  if (Math.abs(gain) < 0.005) return ['reward → unchanged'];
  const sign = element('span', { 'aria-hidden': 'true' }, gain > 0 ? '↑' : '↓');
  return ['reward ', sign, ` ${gain > 0 ? 'up' : 'down'} ${formatScore(Math.abs(gain))}`];
}

/** Plays, pauses and steps all videos together. The first one leads; whoever strays from it is put back. */
function createPlayer(frames) {
  let videos = [];
  let playing = !matchMedia('(prefers-reduced-motion: reduce)').matches;
  const toggle = element('button', { type: 'button', class: 'primary' });
  const back = element('button', { type: 'button', 'aria-label': 'One frame back' }, '◂');
  const forward = element('button', { type: 'button', 'aria-label': 'One frame forward' }, '▸');
  const slider = element('input', { type: 'range', min: 0, max: frames - 1, value: 0, step: 1, 'aria-label': 'Frame' });
  const counter = element('span', { class: 'counter' });
  const controls = element('div', { class: 'player' }, toggle, back, slider, forward, counter);

  const leader = () => videos.find((node) => node.isConnected && node.readyState >= 1);
  const frameOf = (node) => Math.min(frames - 1, Math.floor((node.currentTime / node.duration) * frames + 1e-6));

  function seek(frame) {
    playing = false;
    for (const node of videos) {
      node.pause();
      if (node.readyState >= 1) node.currentTime = ((frame + 0.5) / frames) * node.duration;
    }
    slider.value = frame;
    show();
  }
  function step(by) {
    seek((Number(slider.value) + by + frames) % frames);
  }
  function setPlaying(on) {
    if (!on) return seek(Number(slider.value));
    playing = true;
    const start = leader()?.currentTime ?? 0;
    for (const node of videos) {
      if (node.readyState >= 1) node.currentTime = start;
      node.play().catch(() => undefined);
    }
    show();
  }
  function show() {
    toggle.textContent = playing ? '❚❚ Pause' : '▶ Play';
    counter.textContent = `frame ${Number(slider.value) + 1} of ${frames}`;
  }
  function align() {
    const lead = leader();
    if (playing && lead) {
      slider.value = frameOf(lead);
      counter.textContent = `frame ${Number(slider.value) + 1} of ${frames}`;
      for (const node of videos) {
        const apart = Math.abs(node.currentTime - lead.currentTime);
        const strayed = Math.min(apart, lead.duration - apart) > 0.75 * (lead.duration / frames);
        if (strayed && !node.seeking && node.readyState >= 2) node.currentTime = lead.currentTime;
      }
    }
    setTimeout(align, 60);
  }

  toggle.addEventListener('click', () => setPlaying(!playing));
  back.addEventListener('click', () => step(-1));
  forward.addEventListener('click', () => step(1));
  slider.addEventListener('input', () => seek(Number(slider.value)));
  align();
  return {
    controls,
    pauseAll: () => videos.forEach((node) => node.pause()),
    take(list) {
      videos = list;
      let waiting = list.length;
      const ready = () => {
        if (--waiting > 0) return;
        if (playing) setPlaying(true);
        else seek(Number(slider.value));
      };
      for (const node of list) {
        node.addEventListener('loadeddata', ready, { once: true });
        node.addEventListener('error', ready, { once: true });
      }
      show();
    },
  };
}
