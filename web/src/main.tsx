import { createRoot } from 'react-dom/client';
import { createSession } from './api/session.ts';
import { App } from './app.tsx';
import { applyTheme } from './parts/theme.ts';
import './styles.css';

applyTheme();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
createRoot(root).render(<App session={createSession(sessionStorage, localStorage)} />);
