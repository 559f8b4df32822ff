/**
 * Exponential moving average. `weight` in [0, 1) is that of the past; it is corrected for the beginning, as Adam's moments
 * are, so that the first values are not drawn towards 0. What was not measured stays so and does not count.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  if (weight <= 0) return [...values];
  let average = 0;
  let mass = 0;
  return values.map((value) => {
    if (value === null) return null;
    average = weight * average + (1 - weight) * value;
    mass = weight * mass + (1 - weight);
    return average / mass;
  });
}
