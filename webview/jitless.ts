/** Imported before everything that builds a schema: zod would otherwise try `eval`, which the page's policy reports. */
import { z } from 'zod';

z.config({ jitless: true });
