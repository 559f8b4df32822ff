import '../jitless.ts';
import './dashboard.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { openStore } from './store.ts';

render(<App store={openStore()} />, document.getElementById('root')!);
