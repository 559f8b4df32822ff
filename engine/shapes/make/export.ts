/** `npm run shapes:export`: writes the ONNX graphs from the PyTorch definitions in `engine/worker`. */
import { weightsFolder } from '../weights.ts';
import { runWorkerModule } from './modules.ts';

await runWorkerModule('sage_worker.shapes.export', ['--out', weightsFolder()]);
