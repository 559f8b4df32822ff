import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { saveBytes, saveName } from '../../../src/views/panels/save.ts';

describe('the name that is proposed for a saved chart', () => {
  it.each([
    ['reward', 'svg', 'reward.svg'],
    ['reward.svg', 'svg', 'reward.svg'],
    ['Reward.CSV', 'csv', 'Reward.csv'],
    ['drift (anchor), step 3', 'png', 'drift (anchor), step 3.png'],
    ['../../etc/passwd', 'csv', 'etc-passwd.csv'],
    ['..\\..\\boot.ini', 'csv', 'boot.ini.csv'],
    ['/abs', 'svg', 'abs.svg'],
    ['.hidden', 'svg', 'hidden.svg'],
    ['a\0b\u001b[31m', 'csv', 'a-b-31m.csv'],
    ['<img src=x>', 'svg', 'img src=x.svg'],
    ['', 'png', 'chart.png'],
    ['...', 'png', 'chart.png'],
    ['con', 'csv', 'chart.csv'],
    ['COM1.txt', 'csv', 'chart.csv'],
    ['reward.svg', 'csv', 'reward.svg.csv'],
    ['gerät-β', 'svg', 'gerät-β.svg'],
  ] as const)('%j as %s is %s', (proposed, format, name) => {
    expect(saveName(proposed, format)).toBe(name);
  });

  it('is always one visible part of a path with the ending of its format', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (proposed) => {
        const name = saveName(proposed, 'csv');
        expect(name).toMatch(/^[^/\\:*?"<>|\p{Cc}]+\.csv$/u);
        expect(name).not.toMatch(/^[.\s-]|\.\./);
        expect(Array.from(name).length).toBeLessThanOrEqual(104);
      }),
    );
  });
});

describe('what is saved', () => {
  it('is the text of svg and csv', () => {
    expect(new TextDecoder().decode(saveBytes('csv', 'β,1\n'))).toBe('β,1\n');
  });

  it('is the picture that a base64 text holds, and nothing that is no picture', () => {
    const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2]);
    expect(Buffer.from(saveBytes('png', png.toString('base64')))).toEqual(png);
    expect(() => saveBytes('png', Buffer.from('#!/bin/sh').toString('base64'))).toThrow('no PNG');
  });
});
