'use strict';
// Builds the addon with the system's C++ compiler when the package is installed. Wants nothing that `npm install` has
// not brought: node-api-headers is a dependency.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const FLAGS = ['-std=c++17', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-DNAPI_VERSION=8'];

// That of the package; in the repository that of the library.
function folderOfHeader() {
  const own = path.join(__dirname, 'include');
  return fs.existsSync(own) ? own : path.join(__dirname, '..', '..', 'include');
}

function compiler() {
  const candidates = process.env.CXX ? process.env.CXX.split(' ') : undefined;
  for (const [program, ...flags] of candidates ? [candidates] : [['c++'], ['g++'], ['clang++']]) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
      return [program, ...flags];
    } catch {
      // the next one
    }
  }
  throw new Error('trunkline: no C++ compiler was found to build its addon: install g++ or clang, or set CXX');
}

function sources() {
  const folder = path.join(__dirname, 'src');
  return fs.readdirSync(folder).filter((file) => file.endsWith('.cpp')).map((file) => path.join(folder, file));
}

function build() {
  const folder = path.join(__dirname, 'build');
  const [program, ...flags] = compiler();
  const includes = [folderOfHeader(), require('node-api-headers').include_dir].map((found) => `-I${found}`);
  fs.mkdirSync(folder, { recursive: true });
  // Beside its place first, so that a program that runs meanwhile never finds half of it.
  const made = path.join(folder, `trunkline.node.${process.pid}`);
  execFileSync(program, [...flags, ...FLAGS, ...includes, ...sources(), '-o', made, '-ldl'], { stdio: 'inherit' });
  fs.renameSync(made, path.join(folder, 'trunkline.node'));
}

try {
  build();
} catch (failure) {
  console.error(failure.message);
  process.exitCode = 1;
}
