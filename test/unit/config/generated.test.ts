import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { analyseText } from '../../../engine/config/analyse.ts';
import { listPresets, readPreset } from '../../../engine/config/presets.ts';
import { methodSections, sectionLink } from '../../../engine/config/key.ts';
import { jsonSchema } from '../../../engine/config/json-schema.ts';
import { flatten, rootKey } from '../../../engine/config/walk.ts';
import { generatedFiles } from '../../../engine/config/generated.ts';
import { packageRoot } from '../../../engine/package-root.ts';

describe('what is generated from the schema', () => {
  it.each(Object.entries(generatedFiles()))('%s is up to date (npm run docs)', (name, text) => {
    const written = readFileSync(join(packageRoot(), name), 'utf8');
    // How JSON is broken into lines is the formatter's business.
    if (name.endsWith('.json')) expect(JSON.parse(written)).toEqual(JSON.parse(text));
    else expect(written).toBe(text);
  });

  it('every key says what it does, and every word of a choice too', () => {
    for (const info of flatten(rootKey)) {
      expect(info.meta.description, info.path).toMatch(/^\S.*\.$/);
      if (/^choices?$/.test(info.kind) && info.choices.length > 1)
        expect(Object.keys(info.meta.values ?? {}).sort(), info.path).toEqual(info.choices.toSorted());
    }
  });

  it('every key of the method names its quantity, and where it is explained', () => {
    const blocks = /^(exploration|rollout|reward\.weights|equalizer|trust_region)\./;
    const others = ['sampling.steps', 'sampling.shift', 'sampling.guidance', 'sampling.train_guidance'];
    const learnt = [
      'reward.advantage_clip',
      'training.clip_range',
      'training.max_gradient_norm',
      'training.accumulation',
    ];
    const keys = flatten(rootKey).filter(
      ({ kind, path }) => kind !== 'block' && !path.startsWith('exploration.window'),
    );
    const ofMethod = keys.filter(({ path }) => blocks.test(path) || others.includes(path) || learnt.includes(path));
    expect(ofMethod.length).toBeGreaterThan(30);
    expect(ofMethod.filter(({ meta }) => !meta.paper || !meta.section).map(({ path }) => path)).toEqual([]);
    const page = readFileSync(join(packageRoot(), 'docs/method.md'), 'utf8');
    const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title]) => title);
    expect(headings).toEqual(expect.arrayContaining([...methodSections]));
    expect(sectionLink('One iteration')).toBe('docs/method.md#one-iteration');
  });

  it('every key is in the reference', () => {
    const text = generatedFiles()['docs/config.md'];
    for (const info of flatten(rootKey)) {
      const isSection = info.kind === 'block' && !info.nullable;
      const isBound = info.path.startsWith('exploration.window.');
      const entry = isSection ? `# \`${info.path}\`\n` : isBound ? `${info.name}: …` : `| \`${info.name}\` |`;
      expect(text, info.path).toContain(entry);
    }
  });

  it('the JSON schema allows exactly the keys of the schema', () => {
    const exploration = (
      jsonSchema().properties as Record<string, { properties: object; additionalProperties: boolean }>
    ).exploration;
    expect(exploration.additionalProperties).toBe(false);
    expect(Object.keys(exploration.properties)).toEqual([
      'kernel',
      'eta',
      'sigma_max',
      'last_step',
      'window',
      'clamp_both_ends',
    ]);
  });
});

describe('presets', () => {
  const presets = listPresets();

  it('are the examples', () => {
    expect(presets.map((preset) => preset.name)).toEqual([
      'hunyuan-video-1.5',
      'hunyuan-video-1.5-lora',
      'shapes',
      'shapes-compare',
      'shapes-torch',
      'wan-2.1-lora',
    ]);
    for (const preset of presets) expect(preset.description).toMatch(/^[A-Z].*\.$/);
  });

  it.each(presets)('$name is valid, and is named as its file', ({ name, file }) => {
    const { config, diagnostics } = analyseText(readPreset(name), { file, freeBytes: null });
    expect(config?.name).toBe(name);
    expect(diagnostics.map((d) => d.code)).toEqual([]);
  });

  it('hunyuan-video-1.5-lora says what makes it one for 8 GPUs', () => {
    const text = readPreset('hunyuan-video-1.5-lora');
    const remark = /^# On 8 GPUs: (.*)$/m.exec(text)![1];
    const blocks: Record<string, string> = { devices: 'policy', accumulation: 'training' };
    const overrides = [...remark.matchAll(/`(\w+): (\d+)`/g)].map(
      ([, key, value]) => `${blocks[key] ?? 'rollout'}.${key}=${value}`,
    );
    const { config, diagnostics } = analyseText(text, { overrides, freeBytes: null });
    expect(diagnostics).toEqual([]);
    expect(config).toMatchObject({
      policy: { devices: 8 },
      rollout: { prompts_per_iteration: 4, generations: 8 },
      training: { accumulation: 20 },
    });
  });

  it('are read by name; another name gets the nearest', () => {
    expect(readPreset('shapes')).toContain('model: shapes');
    expect(() => readPreset('shaeps')).toThrowError(
      expect.objectContaining({ code: 'config/unknown-preset', remedy: 'Did you mean shapes?' }),
    );
  });
});
