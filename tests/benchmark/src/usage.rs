//! What a process used, as Linux tells of it under `/proc`.

use std::io;

/// Returns the processor time of a process so far, all threads, user and system, in seconds. A
/// process that has ended tells until somebody waits for it.
///
/// # Errors
/// That there is no such process, or no `/proc`.
pub(crate) fn cpu_seconds(process: u32) -> io::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let ticks = cpu_ticks(&stat).ok_or_else(|| io::Error::other(format!("it reads {stat:?}")))?;
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Returns the most memory that a process held at once so far, in bytes; nothing once it has ended.
pub(crate) fn peak_bytes(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    peak_of_status(&status)
}

/// Adds `utime` and `stime`, the 14th and 15th field. The second is the name in brackets, which may
/// hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
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
        assert_eq!(cpu_ticks(stat), Some(281));
        assert_eq!(cpu_ticks("77 (cut) S 1 77"), None);
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
}
