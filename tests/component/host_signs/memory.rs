//! The linear memories of guests, read as a debugger reads them.
//!
//! A linear memory is a writable region followed by an inaccessible region, which is so large that
//! only WebAssembly has such. Memory of the host is therefore not searched.

use std::fs::{self, File};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// The inaccessible bytes that wasmtime keeps behind a memory: the rest of the space that 32 bits
/// can address.
const GUARD: u64 = 1 << 30;

/// Returns true if the linear memory of any instance of this process contains these bytes.
pub fn guests_hold(wanted: &[u8]) -> bool {
    let mut process = File::open("/proc/self/mem").expect("Linux shows a process its memory");
    linear_memories().into_iter().any(|(start, end)| {
        let mut bytes = vec![0; usize::try_from(end - start).expect("it fits")];
        // Another test's instance may end in the meantime.
        process.seek(SeekFrom::Start(start)).is_ok()
            && process.read_exact(&mut bytes).is_ok()
            && holds(&bytes, wanted)
    })
}

/// Returns true if `bytes` contains `wanted`. It searches several hundred megabytes in an unoptimised
/// test, so it relies on the standard library's search for one byte, which is optimised.
fn holds(mut bytes: &[u8], wanted: &[u8]) -> bool {
    let (first, rest) = wanted.split_first().expect("something is wanted");
    while bytes.skip_until(*first).expect("a slice can be read") > 0 {
        if bytes.starts_with(rest) {
            return true;
        }
    }
    false
}

/// Returns the start and end addresses of all linear memories.
fn linear_memories() -> Vec<(u64, u64)> {
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux shows a process its memory");
    let mut found = Vec::new();
    let mut writable: Option<(u64, u64)> = None;
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let (start, end) = range.split_once('-').expect("a range");
        let number = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (number(start), number(end));
        let joined = writable.filter(|(_, before)| *before == start);
        if rights.starts_with("rw") {
            writable = Some((joined.map_or(start, |(first, _)| first), end));
        } else {
            if rights.starts_with("---") && end - start >= GUARD {
                found.extend(joined);
            }
            writable = None;
        }
    }
    found
}
