import type { CommandId } from './ids.ts';
import type { Handler } from './context.ts';
import { deleteRun } from './delete-run.ts';
import { openDocumentation } from './documentation.ts';
import { doctor } from './doctor.ts';
import { estimate } from './estimate.ts';
import { previewExploration } from './exploration.ts';
import { launch } from './launch.ts';
import { compareRuns, copyRunId, copyRunPath, openDashboard, openLog, openReport, revealRunFolder } from './look.ts';
import { newConfig } from './new-config.ts';
import { resume, resumeFrom } from './resume.ts';
import { setupTorch } from './setup-torch.ts';
import { checkpoint, continueRun, killTrainer, pause, stop } from './steer.ts';
import { clearRunFilter, filterRuns, openWalkthrough, refreshRuns, restartEngine, showEngineLog } from './window.ts';

export const handlers: Record<CommandId, Handler> = {
  ...{ newConfig, launch, resume, resumeFrom, pause, continue: continueRun, checkpoint, stop, killTrainer },
  ...{ openDashboard, compareRuns, openReport, revealRunFolder, openLog, deleteRun, copyRunId, copyRunPath },
  ...{
    doctor,
    setupTorch,
    restartEngine,
    showEngineLog,
    refreshRuns,
    filterRuns,
    clearRunFilter,
    openWalkthrough,
    previewExploration,
    openDocumentation,
    estimate,
  },
};
