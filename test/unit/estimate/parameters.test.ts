import path from 'node:path';
import { describe, expect, test } from 'vitest';
import * as architecture from '../../../engine/config/estimate/architecture.ts';
import {
  convolutionParameters,
  hunyuanDecoder,
  hunyuanEncoder,
  shapesDecoderLayers,
  wanDecoder,
  wanEncoder,
} from '../../../engine/config/estimate/autoencoders.ts';
import { languageParameters, t5Parameters, videoAlignParts } from '../../../engine/config/estimate/encoders.ts';
import { countAdapter, countParameters } from '../../../engine/config/estimate/layers.ts';
import { scorerParameters } from '../../../engine/config/estimate/scoring.ts';
import { networkOf } from '../../../engine/config/estimate/transformers.ts';
import { readSafetensors } from '../../../engine/run/safetensors.ts';
import { weightsFolder } from '../../../engine/shapes/weights.ts';

const { hunyuanTransformer, wanTransformer, shapesTransformer, videoAlign } = architecture;
const transformer = (of: architecture.TransformerArchitecture) => countParameters(networkOf(of).layers);

async function numbersIn(file: string): Promise<number> {
  const { tensors } = await readSafetensors(path.join(weightsFolder(), file));
  return [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
}

describe('parameters, counted layer by layer, are those of', () => {
  test('the embedded model, as its own files hold them', async () => {
    expect(transformer(shapesTransformer)).toBe(554_400);
    expect(transformer(shapesTransformer)).toBe(await numbersIn('policy.safetensors'));
    expect(convolutionParameters(shapesDecoderLayers())).toBe(458_136);
    expect(convolutionParameters(shapesDecoderLayers())).toBe(await numbersIn('decoder.safetensors'));
  });

  // Counted by torch on its meta device: `test/bench/architecture_torch.py`.
  test('HunyuanVideo-1.5', () => {
    expect(transformer(hunyuanTransformer)).toBe(8_326_608_160);
    const tiny = { inChannels: 9, outChannels: 4, heads: 2, headSize: 8, refinerBlocks: 1, mlpRatio: 2 };
    const sizes = { textSize: 16, byt5Size: 32, imageSize: 12 };
    for (const [blocks, parameters] of [
      [1, 4_319_048],
      [2, 4_326_664],
    ])
      expect(transformer({ ...hunyuanTransformer, ...tiny, ...sizes, blocks })).toBe(parameters);
  });

  test('Wan2.1-T2V-1.3B', () => {
    expect(transformer(wanTransformer)).toBe(1_418_996_800);
    const tiny = { ...wanTransformer, heads: 2, headSize: 12, blocks: 2, mlpSize: 32, textSize: 32 };
    expect(transformer(tiny)).toBe(28_328);
  });

  test('their autoencoders', () => {
    const hunyuan = (of: architecture.HunyuanAutoencoderArchitecture) =>
      [hunyuanEncoder(of), hunyuanDecoder(of)].map(convolutionParameters);
    expect(hunyuan(architecture.hunyuanAutoencoder)).toEqual([389_324_544, 871_309_571]);
    const tiny = { latentChannels: 4, channels: [16, 16], residuals: 1, spatialRatio: 4, temporalRatio: 2 };
    expect(hunyuan({ ...tiny, matchChannels: false })).toEqual([234_673 - 170_627, 170_627]);

    const wan = (of: architecture.WanAutoencoderArchitecture) =>
      convolutionParameters([...wanEncoder(of), ...wanDecoder(of)]);
    expect(wan(architecture.wanAutoencoder)).toBe(126_892_531);
    const small = { ...architecture.wanAutoencoder, baseChannels: 3, multipliers: [1, 1, 1, 1], residuals: 1 };
    expect(wan(small)).toBe(13_861);
  });

  test('their text encoders', () => {
    expect(languageParameters(architecture.qwenEncoder)).toBe(7_070_619_136);
    expect(t5Parameters(architecture.byt5Encoder)).toBe(219_314_944);
    expect(t5Parameters(architecture.umt5Encoder)).toBe(5_680_910_336);
  });

  test('VideoAlign: Qwen2-VL-2B, and the file of its weights', () => {
    const { vision, language, adapter, head } = videoAlignParts(videoAlign);
    expect(videoAlignParts({ ...videoAlign, language: { ...videoAlign.language, words: 151_936 } })).toMatchObject({
      visionBlock: 19_677_440,
      vision: 665_271_296,
      language: 1_543_714_304,
    });
    // model.pth has 5.03 GB: 16 bits a number, the words twice, as it stores the output matrix tied to them again.
    const words = videoAlign.language.words * videoAlign.language.width;
    expect((2 * (vision + language + adapter + head + words)) / 1e9).toBeCloseTo(5.03, 2);

    const tiny = { width: 32, mlpSize: 64, blocks: 2, heads: 4, keyHeads: 2, words: 200 };
    const sight = { width: 32, mlpRatio: 2, blocks: 2, patch: 14, temporalPatch: 2, merge: 2 };
    const small = videoAlignParts({ language: tiny, vision: sight, rank: 0 });
    expect(small.vision + small.language + small.head).toBe(100_576);
    expect(scorerParameters).toBe(vision + language + adapter + head);
  });
});

test('an adapter has two matrices on every layer of the blocks that it trains', () => {
  const { layers } = networkOf(hunyuanTransformer);
  // Eight square matrices and four of the MLPs, each with inputs + outputs rows of the rank.
  expect(countAdapter(layers, 64)).toBe(54 * 64 * 2048 * (8 * 2 + 4 * 5));
  expect(countAdapter(layers, 64)).toBe(64 * countAdapter(layers, 1));
  expect(countAdapter(networkOf(wanTransformer).layers, 16)).toBe(30 * 16 * (8 * 2 * 1536 + 2 * (1536 + 8960)));
});
