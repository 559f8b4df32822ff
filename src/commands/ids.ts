/** The commands `sage.ID`. */
export const commandIds = [
  ...(['newConfig', 'launch', 'resume', 'resumeFrom', 'pause', 'continue', 'checkpoint', 'stop'] as const),
  ...(['killTrainer', 'openDashboard', 'compareRuns', 'openReport', 'revealRunFolder', 'openLog'] as const),
  ...(['deleteRun', 'copyRunId', 'copyRunPath', 'doctor', 'setupTorch', 'restartEngine', 'showEngineLog'] as const),
  ...(['refreshRuns', 'filterRuns', 'clearRunFilter', 'openWalkthrough', 'previewExploration', 'estimate'] as const),
  ...(['openDocumentation'] as const),
] as const;
export type CommandId = (typeof commandIds)[number];
