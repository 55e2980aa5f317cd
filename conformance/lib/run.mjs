// Plays stories in pages of one Chromium, once with each library.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { startChromiumWith } from '../../interop/lib/browser.mjs';
import { startKamailio } from '../../interop/lib/kamailio.mjs';
import { startExchange } from '../../interop/lib/offhook.mjs';

/** How many stories are played at a time: each has its page, its users and its peers. */
const LANES = 4;
/** How long one story may take, all in all. */
const LIMIT = 90_000;
const SERVERS = { kamailio: startKamailio, exchange: startExchange };
const ROLES = ['alice', 'bob', 'carol'];
const HTML = (script = '') => `<!doctype html><meta charset="utf-8"><title>conformance</title><body>${script}`;

const here = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));

/** What an application gets for `import … from 'offhook'`: the package of this repository, built. */
function offhookEntry() {
  const { exports } = JSON.parse(readFileSync(here('../npm/package.json'), 'utf8'));
  const entry = here(`../npm/${exports['.'].import.default}`);
  if (!existsSync(entry)) throw new Error('the package is not built: npm run build, in npm/');
  return entry;
}

/** A script for the page. `library` stands for 'jssip' in it. */
function bundle(entry, library = 'jssip') {
  const { outputFiles } = buildSync({
    entryPoints: [here(entry)],
    bundle: true,
    write: false,
    format: 'iife',
    define: { global: 'window' },
    alias: library === 'offhook' ? { jssip: offhookEntry() } : {},
  });
  return outputFiles[0].text;
}

/**
 * Plays every story that `wanted(name)` names once for each of `sides`, through each of `servers`.
 * A side is the library that the page gets for 'jssip': that, or 'offhook'. Resolves to `{ name, server, sides: [run, run] }` for each
 * story and server, in the order of the stories.
 */
export async function playAll({ sides, servers, wanted = () => true, onPlayed = () => {} }) {
  const scripts = sides.map((library, index) => [`/under-test-${index}.js`, bundle('page/app.js', library)]);
  const chromium = await startChromiumWith({
    '/': HTML('<script src="play.js"></script>'),
    '/party.html': HTML(),
    '/play.js': bundle('page/play.js'),
    '/jssip.js': bundle('page/app.js'),
    ...Object.fromEntries(scripts),
  });
  const started = {};
  try {
    const names = (await storyNames(chromium)).filter(wanted);
    const jobs = names.flatMap((name) => servers.flatMap((server) =>
      sides.map((_, side) => ({ name, server, side, script: scripts[side][0] }))));
    jobs.forEach((job, index) => { job.users = ROLES.map((role) => `${role}${index + 1}`); });
    for (const server of servers) {
      const passwords = jobs.filter((job) => job.server === server).flatMap(({ users }) => users)
        .map((user) => [user, `${user}pw`]);
      started[server] = await SERVERS[server](Object.fromEntries(passwords));
    }
    await playJobs(chromium, jobs, started, onPlayed);
    return names.flatMap((name) => servers.map((server) => ({
      name,
      server,
      sides: sides.map((_, side) =>
        jobs.find((job) => job.name === name && job.server === server && job.side === side).run),
    })));
  } finally {
    await Promise.all(Object.values(started).map((server) => server.stop()));
    await chromium.stop();
  }
}

async function storyNames({ context, address }) {
  const page = await context.newPage();
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto(address);
  if (problems.length) throw new Error(`the page does not start: ${problems.join('; ')}`);
  const names = await page.evaluate(() => window.stories());
  await page.close();
  return names;
}

/** Plays jobs side by side; each gets its `run`. */
async function playJobs({ context, address }, jobs, servers, onPlayed) {
  const queue = [...jobs];
  const lane = async () => {
    const page = await context.newPage();
    await page.goto(address);
    for (let job = queue.shift(); job; job = queue.shift()) {
      job.run = await play(page, job, servers[job.server]);
      onPlayed(job);
    }
    await page.close();
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function play(page, { name, users, script }, server) {
  const accounts = Object.fromEntries(ROLES.map((role, index) => [role, {
    user: users[index],
    uri: `sip:${users[index]}@${server.domain}`,
    password: `${users[index]}pw`,
    server: server.ws,
  }]));
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`'${name}' takes too long`)), LIMIT);
  });
  const began = Date.now();
  const playing = page.evaluate(
    (task) => window.play(task),
    { name, script, users: accounts, domain: server.domain },
  );
  try {
    const run = await Promise.race([playing, limit]);
    return { ...run, users: Object.fromEntries(ROLES.map((role, at) => [users[at], role])), took: Date.now() - began };
  } finally {
    clearTimeout(timer);
  }
}
