// Plays one story, and gives what happened to the party under test.

import { stories } from '../scenarios/index.js';
import { Describer } from './describe.js';
import { Party } from './party.js';
import { Tape } from './tape.js';

/** How long what is under way at the end of a story may take to be answered. */
const QUIET = 3000;

window.stories = () => [...stories.keys()];

/** `users` are accounts by name: alice, who is under test with `script`, and her peers. */
window.play = async ({ name, script, users, domain }) => {
  const story = stories.get(name);
  const tape = new Tape();
  const describer = new Describer();
  const parties = {};
  const open = async (user, options) => {
    parties[user] ??= await Party.open(user, { account: users[user], ...options });
    return parties[user];
  };
  let stalled = null;
  try {
    const alice = await open('alice', { script, tape, describer });
    alice.frame.addEventListener('error', (event) => {
      tape.add('app', 'uncaught error', describer.error(event.error));
      event.preventDefault();
    });
    alice.frame.addEventListener('unhandledrejection', (event) => {
      tape.add('app', 'unhandled rejection', describer.error(event.reason));
      event.preventDefault();
    });
    const bob = await open('bob');
    await story({ alice, bob, domain, join: open });
  } catch (error) {
    stalled = `${error.message}`;
    tape.add('app', 'the story stops', stalled);
  }
  for (const label of await tape.quiet(QUIET)) tape.add('wire', `${label} has no answer`);
  const entries = tape.entries.slice();
  for (const party of Object.values(parties)) party.close();
  return { entries, stalled };
};
