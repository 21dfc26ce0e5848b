/// Roles for the tests of ContainerStateStore and what is above it.
let storeRoles: [String: Role] = [:]
