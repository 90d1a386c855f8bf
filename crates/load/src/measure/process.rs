//! What other processes use, out of /proc (Linux); unknown elsewhere.

use std::fs;
use std::time::Duration;

use clap::Args;
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde::{Deserialize, Serialize};

/// The processes looked at beside this one.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Watched {
    /// Process id of the server: its processor time and memory are reported; of several, the sum
    #[arg(long)]
    pub(crate) pid: Vec<u32>,
    /// Process id of mongod: its processor time is reported
    #[arg(long)]
    pub(crate) mongod_pid: Option<u32>,
}

/// Processor seconds, user and system; absent where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cpu {
    /// The server.
    pub(crate) server: Option<f64>,
    /// mongod.
    pub(crate) mongod: Option<f64>,
    /// This process, the load generator.
    pub(crate) own: Option<f64>,
}

impl Cpu {
    /// What was used since `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let less = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Self {
            server: less(self.server, earlier.server),
            mongod: less(self.mongod, earlier.mongod),
            own: less(self.own, earlier.own),
        }
    }
}

impl Watched {
    /// The processor time used so far.
    pub(crate) fn cpu(&self) -> Cpu {
        let of = |pid: u32| cpu_of(&pid.to_string());
        let servers = self.pid.iter().map(|pid| of(*pid));
        Cpu {
            server: sum(servers),
            mongod: self.mongod_pid.and_then(of),
            own: cpu_of("self"),
        }
    }

    /// The server's memory.
    pub(crate) fn memory(&self) -> Option<Memory> {
        let each = self.pid.iter().map(|pid| Memory::of(*pid));
        let each: Vec<Memory> = each.collect::<Option<_>>()?;
        (!each.is_empty()).then(|| Memory {
            resident_kib: each.iter().map(|memory| memory.resident_kib).sum(),
            private_kib: each.iter().map(|memory| memory.private_kib).sum(),
        })
    }
}

/// The sum, if there is anything and all of it is known.
fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum())
}

/// The processor time that a process has used, to the nanosecond.
pub(crate) fn time_of(pid: u32) -> anyhow::Result<Duration> {
    let clock: ClockId = clock_getcpuclockid(Pid::from_raw(i32::try_from(pid)?))?;
    Ok(clock.now()?.into())
}

/// From now on [`most_resident`] says what is the most from now on.
pub(crate) fn forget_most_resident(pid: u32) -> anyhow::Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// The most that a process had in memory, KiB.
pub(crate) fn most_resident(pid: u32) -> Option<u64> {
    kib(
        &fs::read_to_string(format!("/proc/{pid}/status")).ok()?,
        "VmHWM:",
    )
}

fn cpu_of(pid: &str) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let per_second = sysconf(SysconfVar::CLK_TCK).ok()??;
    let ticks = u32::try_from(ticks(&stat)?).ok()?;
    Some(f64::from(ticks) / f64::from(u32::try_from(per_second).ok()?))
}

/// `utime` + `stime`: fields 14 and 15 of proc(5), counted from behind the
/// command, which is in parentheses and may hold spaces.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// What a process has in memory, KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Memory {
    /// `VmRSS` of `/proc/PID/status`: resident, shared pages included.
    pub(crate) resident_kib: u64,
    /// `Private_Clean` + `Private_Dirty` of `/proc/PID/smaps_rollup`: its alone.
    pub(crate) private_kib: u64,
}

impl Memory {
    fn of(pid: u32) -> Option<Self> {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).ok();
        let rollup = read("smaps_rollup")?;
        Some(Self {
            resident_kib: kib(&read("status")?, "VmRSS:")?,
            private_kib: kib(&rollup, "Private_Clean:")? + kib(&rollup, "Private_Dirty:")?,
        })
    }
}

fn kib(file: &str, key: &str) -> Option<u64> {
    let line = file.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "1 (a ) b (c) S 0 1 1 0 -1 4 5 6 7 8 150 50 0 0 20 0 1 0 9 1 2";
        assert_eq!(ticks(stat), Some(200));
        assert_eq!(ticks("1 (x"), None);
    }

    #[test]
    fn memory_is_read_in_kib() {
        assert_eq!(
            kib("VmHWM:\t 9 kB\nVmRSS:\t  1234 kB\n", "VmRSS:"),
            Some(1234)
        );
        assert_eq!(kib("VmRSS:\t 1 MB\n", "VmRSS:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_unknown_ones_have_nothing() {
        let own = Watched {
            pid: vec![std::process::id()],
            mongod_pid: None,
        };
        assert!(own.memory().unwrap().resident_kib > 0);
        let cpu = own.cpu();
        assert!(cpu.server.is_some() && cpu.own.is_some());
        assert_eq!(cpu.mongod, None);
    }
}
