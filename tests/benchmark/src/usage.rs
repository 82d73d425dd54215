//! What a process used, as Linux tells of it under `/proc`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::Path;

/// Returns the processor time of a process so far, all threads, user and system, in seconds. A
/// process that has ended tells until somebody waits for it.
///
/// # Errors
/// That there is no such process, or no `/proc`.
pub(crate) fn cpu_seconds(process: u32) -> io::Result<f64> {
    Ok(Stat::read(&Path::new("/proc").join(process.to_string()))?.cpu_seconds())
}

/// Adds up the processor time of a process's living threads of one name; nothing if it has none.
///
/// # Errors
/// As [`cpu_seconds`].
pub(crate) fn cpu_seconds_of_threads(process: u32, name: &str) -> io::Result<Option<f64>> {
    let directory = Path::new("/proc").join(process.to_string()).join("task");
    let mut sum = None;
    for thread in threads(&directory)? {
        let stat = match Stat::read(&directory.join(thread)) {
            Err(error) if has_ended(&error) => continue,
            stat => stat?,
        };
        if stat.name == name {
            *sum.get_or_insert(0.0) += stat.cpu_seconds();
        }
    }
    Ok(sum)
}

/// Lists the threads of a process. Linux cuts a listing short where a thread ends while it is
/// written, so the directory is read until it names none that was not known.
fn threads(directory: &Path) -> io::Result<BTreeSet<OsString>> {
    const READ_AT_MOST: usize = 16;
    let mut threads = BTreeSet::new();
    for _ in 0..READ_AT_MOST {
        let known = threads.len();
        for entry in std::fs::read_dir(directory)? {
            threads.insert(entry?.file_name());
        }
        if known != 0 && threads.len() == known {
            break;
        }
    }
    Ok(threads)
}

/// Whether a thread that was listed is gone by now: before its file was opened, or after.
fn has_ended(error: &io::Error) -> bool {
    let gone_after = rustix::io::Errno::SRCH.raw_os_error();
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(gone_after)
}

/// Returns the most memory that a process held at once so far, in bytes; nothing once it has ended.
pub(crate) fn peak_bytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    peak_of_status(&status)
}

/// What `stat` tells of a process or thread.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    name: String,
    cpu_ticks: u64,
}

impl Stat {
    fn read(directory: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(directory.join("stat"))?;
        Self::parse(&text).ok_or_else(|| io::Error::other(format!("it reads {text:?}")))
    }

    /// Adds `utime` and `stime`, the 14th and 15th field. The second is the name in brackets, which
    /// may hold anything.
    fn parse(text: &str) -> Option<Self> {
        let (number_and_name, behind_name) = text.rsplit_once(')')?;
        let (_, name) = number_and_name.split_once('(')?;
        let mut fields = behind_name.split_ascii_whitespace().skip(11);
        let mut field = || fields.next()?.parse::<u64>().ok();
        Some(Self {
            name: name.to_owned(),
            cpu_ticks: field()? + field()?,
        })
    }

    fn cpu_seconds(&self) -> f64 {
        self.cpu_ticks as f64 / rustix::param::clock_ticks_per_second() as f64
    }
}

fn peak_of_status(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_name_with_brackets() {
        let stat = "77 (a) b (c) S 1 77 77 0 -1 4194560 600 0 0 0 250 31 9 9 20 0 8 0 1 2 3";
        let expected = Stat {
            name: "a) b (c".to_owned(),
            cpu_ticks: 281,
        };
        assert_eq!(Stat::parse(stat), Some(expected));
        assert_eq!(Stat::parse("77 (cut) S 1 77"), None);
    }

    #[test]
    fn the_peak_is_in_bytes_and_absent_once_a_process_has_ended() {
        let status = "Name:\tingest\nVmPeak:\t  999 kB\nVmHWM:\t   1024 kB\nVmRSS:\t 5 kB\n";
        assert_eq!(peak_of_status(status), Some(1 << 20));
        assert_eq!(peak_of_status("Name:\tingest\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        let this = std::process::id();
        assert!(cpu_seconds(this).unwrap() >= 0.0);
        assert!(peak_bytes(this).unwrap() > 1 << 16);
    }

    #[test]
    fn only_threads_of_the_name_count() {
        let this = std::process::id();
        let thread = std::thread::Builder::new().name("one of these".to_owned());
        let found = thread.spawn(move || cpu_seconds_of_threads(this, "one of these"));
        assert!(found.unwrap().join().unwrap().unwrap().is_some());
        assert_eq!(cpu_seconds_of_threads(this, "none of these").unwrap(), None);
    }

    #[test]
    fn a_thread_is_found_while_others_end() {
        let this = std::process::id();
        for _ in 0..2_000 {
            let ending: Vec<_> = (0..3).map(|_| std::thread::spawn(|| ())).collect();
            let thread = std::thread::Builder::new().name("stays".to_owned());
            let found = thread.spawn(move || cpu_seconds_of_threads(this, "stays"));
            assert!(found.unwrap().join().unwrap().unwrap().is_some());
            for thread in ending {
                thread.join().unwrap();
            }
        }
    }
}
