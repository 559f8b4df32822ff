import '../jitless.ts';
import '../media/media.css';
import './video.css';
import { render } from 'preact';
import { Editor } from './editor.tsx';
import { openVideoStore } from './store.ts';

render(<Editor store={openVideoStore()} />, document.getElementById('root')!);
