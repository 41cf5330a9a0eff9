//! The command line.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

pub const HELP: &str = "\
Load for the benchmarks; prints a JSON report.

Usage: loadgen MODE --url http://127.0.0.1:PORT/v1/chat/completions [OPTIONS]

Modes:
  closed    CONNECTIONS callers, each asks again as soon as it is answered: capacity
  open      Poisson arrivals at RATE a second over at most CONNECTIONS connections: latency from the intended start
  each      one request for each key in --bearers, one after the other on one connection
  streams   CONNECTIONS event streams at once, one request each: delays, gaps, lost chunks

Options:
  --url URL            where to; loopback addresses only
  --connections N      (default 64)
  --seconds S          measured time of closed and open (default 5)
  --warmup S           unmeasured time before it (default 1)
  --model NAME         (default mock:size=1024)
  --body-bytes N       size of the request's body, exactly (default 1024)
  --bearer KEY         send `authorization: Bearer KEY`
  --bearers FILE       a key a line: the keys of `each`; elsewhere the first one is --bearer
  --rate R             of open, requests a second
  --timeout S          a request that takes longer counts as timed out (default 30)
  --seed N             of the arrivals (default 1)
  --chunks N           of streams: content chunks that each stream must bring; put `stamp`, `tokens=N` and `rate` in the model
  --ramp S             of streams: they start evenly over so many seconds (default 1)
";

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    Closed,
    Open {
        /// Requests a second.
        rate: f64,
    },
    Each {
        bearers: Vec<String>,
    },
    Streams {
        /// Content chunks in each stream.
        chunks: u64,
        ramp: Duration,
    },
}

/// What is to be done, where and how much.
#[derive(Clone, Debug, PartialEq)]
pub struct Arguments {
    pub mode: Mode,
    pub target: Target,
    pub connections: usize,
    pub seconds: Duration,
    pub warmup: Duration,
    pub model: String,
    pub body_bytes: usize,
    pub bearer: Option<String>,
    pub timeout: Duration,
    pub seed: u64,
}

/// An address on this machine and a path there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub address: SocketAddr,
    pub path: String,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| format!("{url} must begin with http://"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = authority.rsplit_once(':').unwrap_or((authority, "80"));
        let port = port
            .parse()
            .map_err(|_| format!("{url} has no port that is a number"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let address = match host {
            "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
            _ => host
                .parse()
                .map_err(|_| format!("{url} must name its host by address"))?,
        };
        if !address.is_loopback() {
            return Err(format!("{url} is not on this machine; loadgen addresses loopback only"));
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self {
            address: SocketAddr::new(address, port),
            path: path.to_owned(),
        })
    }
}

impl Arguments {
    /// Reads the words after the program's name.
    pub fn read(words: &[String]) -> Result<Self, String> {
        let (mode, words) = words.split_first().ok_or("a mode is missing; see --help")?;
        let options = Options::read(words)?;
        let bearers = options.get("--bearers").map(read_lines).transpose()?;
        let first = bearers.as_ref().and_then(|bearers| bearers.first().cloned());
        let mode = match mode.as_str() {
            "closed" => Mode::Closed,
            "open" => Mode::Open {
                rate: positive("--rate", options.required("--rate")?)?,
            },
            "each" => Mode::Each {
                bearers: bearers.ok_or("each needs --bearers FILE")?,
            },
            "streams" => Mode::Streams {
                chunks: parse("--chunks", options.required("--chunks")?)?,
                ramp: seconds("--ramp", options.get("--ramp").unwrap_or("1"))?,
            },
            other => return Err(format!("there is no mode {other}; see --help")),
        };
        Ok(Self {
            mode,
            target: options.required("--url")?.parse()?,
            connections: parse("--connections", options.get("--connections").unwrap_or("64"))?,
            seconds: seconds("--seconds", options.get("--seconds").unwrap_or("5"))?,
            warmup: seconds("--warmup", options.get("--warmup").unwrap_or("1"))?,
            model: options.get("--model").unwrap_or("mock:size=1024").to_owned(),
            body_bytes: parse("--body-bytes", options.get("--body-bytes").unwrap_or("1024"))?,
            bearer: options.get("--bearer").map(str::to_owned).or(first),
            timeout: seconds("--timeout", options.get("--timeout").unwrap_or("30"))?,
            seed: parse("--seed", options.get("--seed").unwrap_or("1"))?,
        })
    }
}

const OPTIONS: [&str; 13] = [
    "--url",
    "--connections",
    "--seconds",
    "--warmup",
    "--model",
    "--body-bytes",
    "--bearer",
    "--bearers",
    "--rate",
    "--timeout",
    "--seed",
    "--chunks",
    "--ramp",
];

struct Options<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Options<'a> {
    fn read(words: &'a [String]) -> Result<Self, String> {
        let pairs = words.chunks(2).map(|pair| match pair {
            [name, value] if OPTIONS.contains(&name.as_str()) => Ok((name.as_str(), value.as_str())),
            [name, ..] if OPTIONS.contains(&name.as_str()) => Err(format!("{name} needs a value")),
            [name, ..] => Err(format!("there is no option {name}; see --help")),
            [] => Err(String::new()),
        });
        Ok(Self(pairs.collect::<Result<_, _>>()?))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .rev()
            .find(|(other, _)| *other == name)
            .map(|(_, value)| *value)
    }

    fn required(&self, name: &str) -> Result<&'a str, String> {
        self.get(name).ok_or_else(|| format!("{name} is missing; see --help"))
    }
}

fn read_lines(path: &str) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("could not read --bearers {path}: {error}"))?;
    Ok(text
        .lines()
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect())
}

fn parse<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} cannot be {value:?}"))
}

fn positive(name: &str, value: &str) -> Result<f64, String> {
    let number: f64 = parse(name, value)?;
    if number.is_finite() && number > 0.0 {
        Ok(number)
    } else {
        Err(format!("{name} must be above 0, not {value}"))
    }
}

fn seconds(name: &str, value: &str) -> Result<Duration, String> {
    Duration::try_from_secs_f64(parse(name, value)?).map_err(|_| format!("{name} cannot be {value:?} seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Arguments, String> {
        Arguments::read(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_line_is_read() {
        let read = read("open --url http://127.0.0.1:8/v1/x --rate 5.5 --connections 3").unwrap();
        assert_eq!(read.mode, Mode::Open { rate: 5.5 });
        assert_eq!(
            (read.target.address.port(), read.target.path.as_str(), read.connections),
            (8, "/v1/x", 3)
        );
    }

    #[test]
    fn other_machines_are_refused() {
        for url in [
            "http://10.0.0.1:80/",
            "http://[2001:db8::1]:80/",
            "http://example.com:80/",
            "https://127.0.0.1:80/",
        ] {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
        for url in ["http://127.9.9.9:80/", "http://[::1]:80/", "http://localhost:80"] {
            assert!(url.parse::<Target>().is_ok(), "{url}");
        }
    }

    #[test]
    fn problems_name_the_option() {
        let url = "--url http://127.0.0.1:8/";
        for (text, part) in [
            ("", "a mode"),
            ("nope", "no mode nope"),
            (&format!("open {url}"), "--rate is missing"),
            (&format!("open {url} --rate 0"), "--rate must"),
            (&format!("closed {url} --nope 1"), "no option --nope"),
            (&format!("closed {url} --seconds"), "--seconds needs"),
            (&format!("closed {url} --seconds -1"), "--seconds cannot"),
        ] {
            assert!(read(text).unwrap_err().contains(part), "{text}");
        }
    }
}
