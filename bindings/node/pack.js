'use strict';
// Before `npm pack`: what the package carries of the repository. After it, with the argument "after": takes it away.

const fs = require('node:fs');
const path = require('node:path');

const repository = path.join(__dirname, '..', '..');
const carried = { 'include/trunkline/trunkline.h': 'include/trunkline/trunkline.h', LICENSE: 'LICENSE' };

for (const [from, to] of Object.entries(carried)) {
  const place = path.join(__dirname, to);
  if (process.argv[2] === 'after') {
    fs.rmSync(place, { force: true });
  } else {
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.copyFileSync(path.join(repository, from), place);
  }
}
if (process.argv[2] === 'after') fs.rmSync(path.join(__dirname, 'include'), { recursive: true, force: true });
