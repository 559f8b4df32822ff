/** The viewType of each webview; its bundle has the name behind the dot. */
export const viewTypes = {
  dashboard: 'sage.dashboard',
  compare: 'sage.compare',
  video: 'sage.video',
  schedule: 'sage.schedule',
} as const;
