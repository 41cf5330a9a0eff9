//! The command line: reads its arguments, listens, says where, serves until interrupted.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::knobs;
use crate::mock::{Mock, Options};
use crate::serve::serve;

const USAGE: &str = "\
A deterministic OpenAI-dialect upstream for tests, benchmarks and rehearsals.

Usage: mock-provider [OPTIONS]

Options:
  --host ADDRESS     address to listen on (default 127.0.0.1)
  --port PORT        port to listen on; 0 takes a free one (default 0)
  --threads N        runtime threads (default 1)
  --model NAME       a name that /v1/models lists; may be repeated (default mock and echo)
  --api-key KEY      refuse requests that do not bear this key
  --log FILE         append a JSON line for each request served (also --json-log)
  --records N        newest records kept in memory for /mock/requests (default 200000)
  --body-limit BYTES refuse larger requests (default 268435456)
  -h, --help         this text

Models: `echo` is the demo: it repeats what it is told, 40 words a second. Every other name answers random words, as fast
as it can. After `mock:` or `echo:`, or in the header x-mock, come knobs, separated by commas, for instance
`mock:tokens=300,rate=50,drop_after=10`. The same request always gets the same answer.

A token is four bytes of a word, or what is left of it. A tool is called where tool_choice says so, or where the last user
message contains its name.

Knobs:
";

const ROUTES: &str = "
For tests:
  GET  /mock/requests?after=SEQUENCE&limit=N   what was served, JSON lines, oldest first
  GET  /mock/stats                             totals, and the connections and requests of this moment
  POST /mock/reset                             forget records, totals and the calls that fail_first counts
  GET  /healthz                                200 when it listens
";

#[derive(Debug, PartialEq, Eq)]
struct Arguments {
    address: SocketAddr,
    threads: usize,
    models: Vec<String>,
    api_key: Option<String>,
    log: Option<PathBuf>,
    records: usize,
    body_limit: usize,
}

/// Runs the mock provider until it is interrupted; `arguments` are those after the program's name. Returns the exit status:
/// 0 after an interrupt, 1 where it could not start, 2 for wrong arguments.
#[must_use]
pub fn run(arguments: &[String]) -> i32 {
    if arguments
        .iter()
        .any(|argument| argument == "-h" || argument == "--help")
    {
        say(&format!("{USAGE}{}{ROUTES}", knobs::help()));
        return 0;
    }
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(problem) => {
            complain(&format!("mock-provider: {problem}; see --help\n"));
            return 2;
        }
    };
    match listen(arguments) {
        Ok(()) => 0,
        Err(problem) => {
            complain(&format!("mock-provider: {problem}\n"));
            1
        }
    }
}

fn listen(arguments: Arguments) -> Result<(), String> {
    let runtime = runtime(arguments.threads).map_err(|error| format!("could not start a runtime: {error}"))?;
    let address = arguments.address;
    let options = arguments.into_options()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("could not listen on {address}: {error}"))?;
        let bound = listener.local_addr().map_err(|error| error.to_string())?;
        say(&format!("listening on http://{bound}/v1\n"));
        tokio::select! {
            () = serve(listener, Arc::new(Mock::new(options))) => {}
            () = interrupted() => {}
        }
        Ok(())
    })
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    match threads {
        0 | 1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    }
}

/// Ctrl-C, or SIGTERM where there is one.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

impl Arguments {
    fn read(arguments: &[String]) -> Result<Self, String> {
        let defaults = Options::default();
        let mut host = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut port = 0_u16;
        let mut read = Self {
            address: SocketAddr::new(host, port),
            threads: 1,
            models: Vec::new(),
            api_key: None,
            log: None,
            records: defaults.records,
            body_limit: defaults.body_limit,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, inline) = argument
                .split_once('=')
                .map_or((argument.as_str(), None), |(name, value)| (name, Some(value)));
            let mut value = || {
                inline
                    .or_else(|| rest.next().map(String::as_str))
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "--host" => host = parse(name, value()?)?,
                "--port" => port = parse(name, value()?)?,
                "--threads" => read.threads = parse(name, value()?)?,
                "--model" => read.models.push(value()?.to_owned()),
                "--api-key" => read.api_key = Some(value()?.to_owned()),
                "--log" | "--json-log" => read.log = Some(PathBuf::from(value()?)),
                "--records" => read.records = parse(name, value()?)?,
                "--body-limit" => read.body_limit = parse(name, value()?)?,
                _ => return Err(format!("there is no option {name}")),
            }
        }
        if read.models.is_empty() {
            read.models = defaults.models;
        }
        read.address = SocketAddr::new(host, port);
        Ok(read)
    }

    fn into_options(self) -> Result<Options, String> {
        let log = self.log.map(|path| {
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            opened.map_err(|error| format!("could not open the log {}: {error}", path.display()))
        });
        Ok(Options {
            models: self.models,
            api_key: self.api_key,
            knobs: true,
            records: self.records,
            log: log.transpose()?,
            body_limit: self.body_limit,
        })
    }
}

fn parse<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} cannot be {value:?}"))
}

/// Whoever started this may have closed its end of the pipe; serving goes on.
fn say(text: &str) {
    let _ = io::stdout()
        .write_all(text.as_bytes())
        .and_then(|()| io::stdout().flush());
}

fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Arguments, String> {
        Arguments::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_are_read_in_both_forms() {
        let read = read("--port=8 --threads 2 --model a --model=b --json-log x").unwrap();
        assert_eq!((read.address.port(), read.threads, read.models.len()), (8, 2, 2));
        assert_eq!(read.log, Some(PathBuf::from("x")));
    }

    #[test]
    fn problems_name_the_option() {
        for (text, part) in [
            ("--port x", "--port"),
            ("--threads", "needs a value"),
            ("--nope", "no option --nope"),
        ] {
            assert!(read(text).unwrap_err().contains(part), "{text}");
        }
    }
}
