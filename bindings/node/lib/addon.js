'use strict';
// Finds the addon: where `npm install` has built it, else where TRUNKLINE_NODE_ADDON says. It finds the library.

const fs = require('node:fs');
const path = require('node:path');

const beside = path.join(__dirname, '..', 'build');

function fileOfAddon() {
  const built = path.join(beside, 'trunkline.node');
  if (fs.existsSync(built)) return built;
  if (process.env.TRUNKLINE_NODE_ADDON) return path.resolve(process.env.TRUNKLINE_NODE_ADDON);
  throw unfit(`its addon was not built: there is no ${built}; run npm install, or set TRUNKLINE_NODE_ADDON`);
}

function unfit(problem) {
  return Object.assign(new Error(`trunkline: ${problem}`), { code: 'ERR_TRUNKLINE_LIBRARY' });
}

function load() {
  const addon = require(fileOfAddon());
  const problem = addon.loadLibrary(beside);
  if (problem !== '') throw unfit(problem);
  return addon;
}

module.exports = load();
