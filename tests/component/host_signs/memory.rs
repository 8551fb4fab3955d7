//! The linear memories of guests, read as a debugger would read it. A linear memory is what this process may
//! write to before a region that nobody may touch and that is as large as only WebAssembly's are; so this does not see what
//! the host holds.

use std::fs::{self, File};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// The bytes that wasmtime keeps out of reach behind a memory: the rest of what 32 bits can address.
const GUARD: u64 = 1 << 30;

/// Says that the linear memory of an instance of this process holds these bytes.
pub fn guests_hold(wanted: &[u8]) -> bool {
    let mut process = File::open("/proc/self/mem").expect("Linux shows a process its memory");
    linear_memories().into_iter().any(|(start, end)| {
        let mut bytes = vec![0; usize::try_from(end - start).expect("it fits")];
        // Another test's instance may end meanwhile.
        process.seek(SeekFrom::Start(start)).is_ok()
            && process.read_exact(&mut bytes).is_ok()
            && holds(&bytes, wanted)
    })
}

/// Some hundred megabytes, in a test that is not optimised: the standard library's own search for one byte is.
fn holds(mut bytes: &[u8], wanted: &[u8]) -> bool {
    let (first, rest) = wanted.split_first().expect("something is wanted");
    while bytes.skip_until(*first).expect("a slice can be read") > 0 {
        if bytes.starts_with(rest) {
            return true;
        }
    }
    false
}

/// The addresses where they begin and end.
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
