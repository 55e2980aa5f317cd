// An application on the package `react-sip`, which is written for JsSIP: what it shows is told to
// the test through window.report(), and the test presses its buttons through window.phone.

import { func, object } from 'prop-types';
import { Component, createElement } from 'react';
import { createRoot } from 'react-dom/client';
import { SipProvider } from 'react-sip';

// The package speaks to `wss:` only, and the servers of these tests have no certificate.
const { WebSocket } = window;
window.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url.replace('wss:', 'ws:'), protocols);
  }
};

class Phone extends Component {
  static contextTypes = {
    sip: object, call: object,
    registerSip: func, unregisterSip: func, answerCall: func, startCall: func, stopCall: func,
  };

  render() {
    const { sip, call } = this.context;
    window.phone.context = this.context;
    window.report({
      event: 'shown',
      sip: sip.status,
      error: sip.errorType,
      call: call.status,
      direction: call.direction,
      counterpart: call.counterpart,
    });
    return call.status;
  }
}

const root = createRoot(document.body.appendChild(document.createElement('main')));

window.phone = {
  show: (settings) => root.render(createElement(SipProvider, settings, createElement(Phone))),
  press: (button, ...args) => window.phone.context[button](...args),
  /** Whether the player of the package has something to play. */
  plays: () => {
    const { srcObject, paused } = document.getElementById('sip-provider-audio');
    return !paused && srcObject?.getAudioTracks().length === 1;
  },
  stop: () => root.unmount(),
};
