//! Every order in which processes can make their calls, and every call at which one of them can be killed.
//!
//! A process is a future that works with a ledger, and with a resource that it contains or puts back. Each of its calls waits until
//! the explorer lets it through. The explorer goes through all orders, runs each of them from the beginning, and asks at the end
//! whether everything is as it has to be. What leads to a state that was seen before is not followed again: a process is a function
//! of the answers it got.

mod world;

pub use world::World;

use futures::future::LocalBoxFuture;
use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::task::{Context, Poll};
use world::Waiting;

/// Starts a process: the first time, and again after it was killed, with the number of times it was killed before.
pub type Start<'a> = &'a dyn Fn(&World, usize, usize) -> LocalBoxFuture<'static, ()>;

/// What was explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// Orders that were followed to their end.
    pub orders: usize,
    /// Orders that led to a state which was seen before.
    pub joined: usize,
    /// Different states.
    pub states: usize,
}

/// What happens next.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Go(Waiting),
    KillBefore(Waiting),
    KillAfter(Waiting),
}

/// How far the explorer goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many processes there are.
    pub processes: usize,
    /// How many of them are killed in one order, at most.
    pub kills: usize,
    /// How often one process goes on while another one could, at most. Nothing: as often as there are calls.
    ///
    /// Most mistakes show with two such switches (Musuvathi and Qadeer, "Iterative context bounding", PLDI 2007).
    pub switches: Option<usize>,
}

/// Runs processes in every order of their calls within `bounds`.
///
/// `check` sees every world in which all processes have ended. It panics when something is wrong; the order is printed then.
pub fn every_order(bounds: Bounds, start: Start<'_>, check: &dyn Fn(&World)) -> Explored {
    let mut seen = HashSet::new();
    let mut explored = Explored { orders: 0, joined: 0, states: 0 };
    // The choices of the run before, and how many there were at each place.
    let mut path: Vec<(usize, usize)> = Vec::new();
    loop {
        match run(bounds, start, &mut path, &mut seen) {
            Some(world) => {
                explored.orders += 1;
                let trace = Trace(world.state().trace.clone());
                check(&world);
                drop(trace.fine());
            }
            None => explored.joined += 1,
        }
        while path.last().is_some_and(|(chosen, of)| chosen + 1 == *of) {
            path.pop();
        }
        match path.last_mut() {
            Some((chosen, _)) => *chosen += 1,
            None => break,
        }
    }
    explored.states = seen.len();
    explored
}

/// One run: along `path`, then always the first choice. Nothing when it led to a known state.
fn run(
    Bounds { processes, kills, switches }: Bounds,
    start: Start<'_>,
    path: &mut Vec<(usize, usize)>,
    seen: &mut HashSet<u64>,
) -> Option<World> {
    let world = World::default();
    let mut killed = vec![0_usize; processes];
    let mut running: Vec<Option<LocalBoxFuture<'static, ()>>> =
        (0..processes).map(|process| Some(start(&world, process, 0))).collect();
    let (mut at, mut switched, mut last) = (0, 0, None);
    loop {
        advance(&mut running);
        let waiting = world.waiting();
        if waiting.is_empty() {
            assert!(running.iter().all(Option::is_none), "a process waits for nothing: {:?}", world.state().trace);
            return Some(world);
        }
        let may_switch = switches.is_none_or(|most| switched < most);
        let could_go_on = last.is_some_and(|last: usize| waiting.iter().any(|(process, _)| *process == last));
        let stays = last.filter(|_| !may_switch && could_go_on);
        let go = waiting.iter().copied().filter(|(process, _)| stays.is_none_or(|last| last == *process));
        let mut choices: Vec<Choice> = go.map(Choice::Go).collect();
        if killed.iter().sum::<usize>() < kills {
            choices.extend(waiting.iter().flat_map(|call| [Choice::KillBefore(*call), Choice::KillAfter(*call)]));
        }
        if at == path.len() {
            if !seen.insert(state_of(&world, &killed, &running, (last, switches.map(|_| switched)))) {
                return None;
            }
            path.push((0, choices.len()));
        }
        let (chosen, _) = path[at];
        at += 1;
        match choices[chosen] {
            Choice::Go(call) => {
                switched += usize::from(could_go_on && last != Some(call.0));
                last = Some(call.0);
                world.let_through(call, true);
            }
            Choice::KillBefore(call) | Choice::KillAfter(call) => {
                let process = call.0;
                if matches!(choices[chosen], Choice::KillAfter(_)) {
                    world.let_through(call, false);
                }
                running[process] = None;
                world.drop_calls(process);
                world.busy(process, false);
                world.at_place(process, "killed");
                killed[process] += 1;
                running[process] = Some(start(&world, process, killed[process]));
            }
        }
    }
}

/// Polls every process until it waits for a call or has ended.
fn advance(running: &mut [Option<LocalBoxFuture<'static, ()>>]) {
    let waker = futures::task::noop_waker();
    for process in running.iter_mut() {
        let done =
            process.as_mut().is_some_and(|future| future.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(()));
        if done {
            *process = None;
        }
    }
}

fn state_of(
    world: &World,
    killed: &[usize],
    running: &[Option<LocalBoxFuture<'static, ()>>],
    bounded: (Option<usize>, Option<usize>),
) -> u64 {
    let state = world.state();
    let mut digest = DefaultHasher::new();
    state.shared.hash(&mut digest);
    state.histories.hash(&mut digest);
    killed.hash(&mut digest);
    // What may still follow depends on them only where switches are bounded.
    bounded.1.map(|switched| (bounded.0, switched)).hash(&mut digest);
    running.iter().map(Option::is_some).collect::<Vec<_>>().hash(&mut digest);
    state.pending.iter().map(|((process, _), pending)| (*process, pending.name.clone())).collect::<Vec<_>>().hash(&mut digest);
    digest.finish()
}

/// Prints the order when the check panics.
struct Trace(Vec<String>);

impl Trace {
    fn fine(mut self) -> Self {
        self.0.clear();
        self
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the order was:\n  {}", self.0.join("\n  "));
        }
    }
}
