// begin specs
import io.n0stack.n0core.api.*;
import io.n0stack.n0core.api.compute.*;
import io.n0stack.n0core.api.network.*;
import io.n0stack.n0core.api.storage.*;

var gateway = NetworkSpec.Gateway.of(CidrAddress.parse("10.77.0.1/24"));
var lan = NetworkSpec.Flat.isolated().withGateway(gateway);
var port = PortSpec.on("lan");
var root = VolumeSpec.empty(1L << 30);
var web1 = MachineSpec.builder(2, 512L << 20).bootDisk("web1-root").nic("web1-lan").build();
// end specs
// begin dependencies
System.out.println(web1.dependencies());
// end dependencies
// begin refusal
try { PortSpec.on("../x"); } catch (N0Exception e) { System.out.println(e.getMessage()); }
// end refusal
// begin address
try { CidrAddress.parse("localhost/8"); } catch (N0Exception e) { System.out.println(e.getMessage()); }
// end address
/exit
