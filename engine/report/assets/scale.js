/** Scales, ticks and numbers of charts: pure functions. */

/** Round values that divide a range into about `wanted` parts. */
export function linearTicks(low, high, wanted = 5) {
  if (!(high > low)) return [low];
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}

/** Powers of ten in a range, thinned to `wanted`; over less than two decades also their doubles and fivefolds. */
export function logTicks(low, high, wanted = 6) {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.ceil(Math.log10(high) - 1e-9);
  const decades = Math.log10(high / low);
  const factors = decades <= 1.2 ? [1, 2, 3, 5] : decades <= 2.5 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil((last - first) / wanted));
  const ticks = [];
  for (let power = first; power <= last; power += every) {
    for (const factor of factors) ticks.push(Number(`${factor}e${power}`));
  }
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** The range of an axis that holds all values, a little larger. A linear axis of counts or seconds starts at 0. */
export function axisRange(values, scale) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || (scale === 'log' && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  if (scale === 'log') {
    const room = Math.max(1.15, (high / low) ** 0.06);
    return [low / room, high * room];
  }
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  const from = low >= 0 && low - room < 0 ? 0 : low - room;
  return [low === 0 ? 0 : from, high + room];
}

/** Maps a value of a range to [0, 1]. */
export function position(value, [low, high], scale) {
  if (high === low) return 0.5;
  return scale === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/** A number with three significant digits, powers of ten where it is very small or large. */
export function formatValue(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return powerOfTen(value);
  return String(size >= 1000 ? Math.round(value) : Number(value.toPrecision(3))).replace('-', '−');
}

function powerOfTen(value) {
  const [mantissa, exponent] = value.toExponential(2).split('e');
  const factor = Number(mantissa);
  const power = `10${[...String(Number(exponent))].map((sign) => (sign === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[sign])).join('')}`;
  return (factor === 1 ? power : `${factor} × ${power}`).replace('-', '−');
}

/** Labels of an axis: either all plain or, where one is very small or large, all as powers of ten. */
export function formatTicks(ticks) {
  if (!ticks.some((tick) => tick !== 0 && (Math.abs(tick) < 1e-3 || Math.abs(tick) >= 1e5)))
    return ticks.map(formatValue);
  return ticks.map((tick) => (tick === 0 ? '0' : powerOfTen(tick).replaceAll(' ', '')));
}

/** A score with two decimals, so that columns of them line up. */
export function formatScore(value) {
  return Math.abs(value) < 100 ? value.toFixed(2).replace('-', '−') : formatValue(value);
}

/** Index of the entry of an ascending list that is nearest to a value. */
export function nearestIndex(sorted, value) {
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle;
    else high = middle;
  }
  return value - sorted[low] <= sorted[high] - value ? low : high;
}
