import { useId } from 'preact/hooks';

interface Option<T extends string> {
  value: T;
  label: string;
}

/** A choice from a list. */
export function Select<T extends string>(props: {
  label: string;
  value: T;
  options: readonly Option<T>[];
  onChange: (value: T) => void;
  disabled?: boolean;
}) {
  const { label, value, options, onChange, disabled } = props;
  return (
    <label class="ui-field">
      <span>{label}</span>
      <select
        class="ui-select"
        value={value}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.value as T)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}

export function Checkbox(props: {
  label: string;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
}) {
  const { label, checked, onChange, disabled } = props;
  return (
    <label class="ui-field ui-checkbox">
      <input
        type="checkbox"
        checked={checked}
        disabled={disabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

/** A number by dragging or arrow keys. `text` is its value with its unit. */
export function Slider(props: {
  label: string;
  value: number;
  min: number;
  max: number;
  step?: number;
  text: string;
  onChange: (value: number) => void;
  disabled?: boolean;
  wide?: boolean;
}) {
  const { label, value, min, max, step = 1, text, onChange, disabled, wide } = props;
  const id = useId();
  return (
    <span class={`ui-field ui-slider${wide ? ' ui-slider-wide' : ''}`}>
      <label for={id}>{label}</label>
      <input
        id={id}
        type="range"
        value={value}
        min={min}
        max={max}
        step={step}
        disabled={disabled}
        aria-valuetext={text}
        onInput={(event) => onChange(Number(event.currentTarget.value))}
      />
      <output for={id}>{text}</output>
    </span>
  );
}

/** One of a few, all to be seen at once. */
export function Segmented<T extends string>(props: {
  label: string;
  value: T;
  options: readonly Option<T>[];
  onChange: (value: T) => void;
}) {
  const { label, value, options, onChange } = props;
  const name = useId();
  return (
    <fieldset class="ui-segmented">
      <legend>{label}</legend>
      {options.map((option) => (
        <label key={option.value} class="ui-segment">
          <input type="radio" name={name} checked={option.value === value} onChange={() => onChange(option.value)} />
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** A text to look for. */
export function SearchField(props: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <label class="ui-field ui-search">
      <span class="ui-hidden">{props.label}</span>
      <input
        type="search"
        class="ui-input"
        placeholder={props.label}
        value={props.value}
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
    </label>
  );
}
