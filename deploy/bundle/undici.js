// What the bundle takes for `undici` (rolldown.config.ts): its Agent with `request`, all that the transports use. The
// package's own entry also loads fetch, WebSocket, caches, mocks and proxies: 2 MiB of an idle controller.
import request from 'undici/lib/api/api-request.js';
import Agent from 'undici/lib/dispatcher/agent.js';
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';

Object.assign(Dispatcher.prototype, { request });

export { Agent };
