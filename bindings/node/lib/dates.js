'use strict';
// Days and microseconds since 1970 -> text, as PostgreSQL writes it: it can be read back there.

const DAY = 86_400_000_000n;
const LARGEST = 0x7fff_ffff_ffff_ffffn;
const SMALLEST = -0x8000_0000_0000_0000n;

function two(number) {
  return number < 10 ? `0${number}` : `${number}`;
}

// Year, month and day of the proleptic Gregorian calendar.
function calendar(days) {
  const shifted = days + 719468; // from 0000-03-01
  const era = Math.floor(shifted / 146097);
  const day = shifted - era * 146097;
  const year = Math.floor((day - Math.floor(day / 1460) + Math.floor(day / 36524) - Math.floor(day / 146096)) / 365);
  const ofYear = day - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const shiftedMonth = Math.floor((5 * ofYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return [year + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1];
}

// In two parts: before the time of day, and behind it.
function parts(days) {
  const [year, month, day] = calendar(days);
  const shown = year > 0 ? year : 1 - year;
  return [`${String(shown).padStart(4, '0')}-${two(month)}-${two(day)}`, year > 0 ? '' : ' BC'];
}

function date(days) {
  if (days === 0x7fff_ffff) return 'infinity';
  if (days === -0x8000_0000) return '-infinity';
  return parts(days).join('');
}

function clock(microseconds) {
  const seconds = Math.floor(microseconds / 1e6);
  const fraction = microseconds - seconds * 1e6;
  const shown = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === 0 ? shown : `${shown}.${String(fraction).padStart(6, '0')}`;
}

function time(microseconds) {
  return clock(Number(microseconds));
}

function isInfinite(microseconds) {
  return microseconds === LARGEST || microseconds === SMALLEST;
}

function written(microseconds, between, zone) {
  if (isInfinite(microseconds)) return microseconds === LARGEST ? 'infinity' : '-infinity';
  const ofDay = ((microseconds % DAY) + DAY) % DAY;
  const [day, era] = parts(Number((microseconds - ofDay) / DAY));
  return `${day}${between}${clock(Number(ofDay))}${zone}${era}`;
}

function timestamp(microseconds) {
  return written(microseconds, ' ', '');
}

function instant(microseconds) {
  return written(microseconds, 'T', 'Z');
}

module.exports = { date, time, timestamp, instant, isInfinite };
