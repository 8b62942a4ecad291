// A WebSocket that comes back: grows its pauses, starts again at once when the page is looked at or the network returns.

const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8000;
const SILENCE_MS = 12000; // both servers' sockets speak at least every few seconds

export class Socket {
  constructor(path, { onMessage, onState, acknowledges = false, speaks = false }) {
    this.path = path;
    this.onMessage = onMessage;
    this.onState = onState;
    this.acknowledges = acknowledges;
    this.speaks = speaks;
    this.failures = 0;
    this.again = () => this.retry();
    addEventListener("online", this.again);
    document.addEventListener("visibilitychange", this.again);
    this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new WebSocket(`${scheme}//${location.host}${this.path}`);
    this.socket.onopen = () => { this.failures = 0; this.onState("connected"); this.listen(); };
    this.socket.onmessage = (message) => this.take(message.data);
    this.socket.onclose = (event) => this.lost(event);
  }

  take(text) {
    this.listen();
    this.onMessage(JSON.parse(text));
    if (this.acknowledges) this.socket.send("1");
  }

  // A socket can be dead without saying so: one that should speak and does not is closed.
  listen() {
    clearTimeout(this.silence);
    if (this.speaks) this.silence = setTimeout(() => this.socket.close(), SILENCE_MS);
  }

  lost(event) {
    clearTimeout(this.silence);
    if (this.closed) return;
    this.onState("reconnecting", event);
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.failures++) * (0.7 + 0.6 * Math.random());
    this.timer = setTimeout(() => this.open(), pause);
  }

  retry() {
    if (this.closed || document.hidden || this.socket.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.timer);
    this.open();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    removeEventListener("online", this.again);
    document.removeEventListener("visibilitychange", this.again);
    this.socket.close();
  }
}
