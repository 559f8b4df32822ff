import '../jitless.ts';
import './schedule.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { openScheduleStore } from './store.ts';

render(<App store={openScheduleStore()} />, document.getElementById('root')!);
