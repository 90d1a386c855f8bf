//! One connection through a proxy.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::fault::{Direction, Flow, Settings};
use super::link::Link;
use super::mongo::Tap;
use super::pump::{Broken, Pump};

/// The longest a connection to the target may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Counts a connection as open for as long as it is.
struct Open(Arc<Link>);

impl Open {
    fn count(link: &Arc<Link>) -> Self {
        link.open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(link))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a client that was just accepted, until its connection ends.
pub(super) async fn serve(link: Arc<Link>, mut client: TcpStream, number: u64) {
    let _open = Open::count(&link);
    let mut settings = link.settings.subscribe();
    let opened = settings.borrow_and_update().clone();
    if opened.refuse {
        link.count_reset();
        return reset(client);
    }
    if opened.flow(Direction::Up) == Flow::Blackhole {
        if swallow(&mut client, &mut settings).await == Broken::OnPurpose {
            link.count_reset();
        }
        return reset(client);
    }
    let connecting = timeout(CONNECT_LIMIT, connect(&link, opened.target));
    let Ok(Ok(mut target)) = connecting.await else {
        return reset(client);
    };
    match carry(&link, &mut client, &mut target, &opened, number).await {
        Ok(()) => {}
        Err(broken) => {
            if broken == Broken::OnPurpose {
                link.count_reset();
            }
            reset(client);
            reset(target);
        }
    }
}

async fn connect(link: &Link, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = match target {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(bytes) = link.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.connect(target).await
}

/// Carries bytes both ways until both streams have ended, or the connection is to be reset.
async fn carry(
    link: &Link,
    client: &mut TcpStream,
    target: &mut TcpStream,
    opened: &Settings,
    number: u64,
) -> Result<(), Broken> {
    client.set_nodelay(true)?;
    target.set_nodelay(true)?;
    let tap = link.mongo.then(|| Mutex::new(Tap::new()));
    let (from_client, to_client) = client.split();
    let (from_target, to_target) = target.split();
    let mut random = fastrand::Rng::with_seed(link.seed.wrapping_add(number));
    let mut pump = |direction, from, to| Pump {
        direction,
        from,
        to,
        settings: link.settings.subscribe(),
        link,
        tap: tap.as_ref(),
        random: random.fork(),
    };
    let up = pump(Direction::Up, from_client, to_target);
    let down = pump(Direction::Down, from_target, to_client);
    let (up, down) = (up.run(opened.clone()), down.run(opened.clone()));
    tokio::try_join!(up, down).map(drop)
}

/// Swallows what a client sends until the black hole has ended, or the client has.
async fn swallow(client: &mut TcpStream, settings: &mut watch::Receiver<Settings>) -> Broken {
    let resets = settings.borrow().resets;
    let over = |settings: &Settings| {
        settings.resets > resets || settings.flow(Direction::Up) != Flow::Blackhole
    };
    let mut buffer = vec![0; 4096];
    let mut ended = false;
    loop {
        tokio::select! {
            _ = settings.wait_for(over) => return Broken::OnPurpose,
            read = client.read(&mut buffer), if !ended => match read {
                Ok(read) => ended = read == 0,
                Err(_) => return Broken::ByAnEnd,
            }
        }
    }
}

/// Ends a connection with RST; what is still in its buffers is dropped.
pub(super) fn reset(stream: TcpStream) {
    // It may have ended already, which is just as good.
    let _ = stream.set_zero_linger();
    drop(stream);
}
