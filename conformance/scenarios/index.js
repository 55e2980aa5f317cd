// All stories, by name: the file's, and what happens.

import incoming from './incoming.js';
import misuse from './misuse.js';
import offers from './offers.js';
import outgoing from './outgoing.js';
import register from './register.js';
import requests from './requests.js';
import tones from './tones.js';
import transfers from './transfers.js';
import values from './values.js';

const themes = { values, register, outgoing, incoming, offers, tones, transfers, requests, misuse };

export const stories = new Map(Object.entries(themes).flatMap(([theme, told]) =>
  Object.entries(told).map(([name, story]) => [`${theme}: ${name}`, story])));
