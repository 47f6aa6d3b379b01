// The cases of the data file in Node: cross.mjs CASES.json. A line for each that fails; ends with 1 where one does.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Case, Mismatch, filled } from './cross_case.mjs';
import { verbs } from './cross_verbs.mjs';

async function holds(described, database, shared, words) {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-cross-'));
  words.folder = folder;
  for (const [word, each] of shared) {
    const meaning = filled(each, database, words);
    if (meaning !== undefined) words[word] = meaning;
  }
  try {
    await new Case(described, database, words, verbs).run();
    return true;
  } catch (failure) {
    console.log(`FAILED ${database}: ${described.name}: ${failure instanceof Mismatch ? failure.message : failure.stack}`);
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const whole = JSON.parse(await readFile(process.argv[2], 'utf8'));
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith('TL_')));
for (const [database, mark] of Object.entries(whole.databases)) {
  if (mark !== '' && environment[mark] === undefined) {
    console.log(`left out: ${database}: ${mark} is not set`);
    continue;
  }
  let held = 0;
  for (const [number, described] of whole.cases.entries()) {
    if (!(described.on ?? [database]).includes(database)) continue;
    const words = { ...environment, t: `cross_node_${process.pid}_${number}` };
    if (await holds(described, database, whole.words, words)) ++held;
    else process.exitCode = 1;
  }
  console.log(`${database}: ${held} cases hold`);
}
