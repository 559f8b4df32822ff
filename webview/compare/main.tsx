import '../jitless.ts';
import '../media/media.css';
import './compare.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { openCompareStore } from './store.ts';

render(<App store={openCompareStore()} />, document.getElementById('root')!);
